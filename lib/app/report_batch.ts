/**
 * What the packet thread reports, gathered while it works and posted in lists when a turn of its loop is over.
 *
 * A take-over of five thousand addresses is as many reports: one message each would delay the first announcements by
 * their copies, and keep the control thread from everything else. In lists of this size it comes to its other work between
 * two of them.
 */
import type { FromPacketThread } from "../base/wanted.ts";

const REPORTS_PER_POST_MAX = 256;

export class ReportBatch {
  readonly #post: (reports: readonly FromPacketThread[]) => void;
  #reports: FromPacketThread[] = [];

  constructor(deps: { readonly post: (reports: readonly FromPacketThread[]) => void }) {
    this.#post = deps.post;
  }

  push(report: FromPacketThread): void {
    this.#reports.push(report);
  }

  /** Posts everything, in order. */
  flush(): void {
    if (this.#reports.length === 0) return;
    const reports = this.#reports;
    this.#reports = [];
    for (let at = 0; at < reports.length; at += REPORTS_PER_POST_MAX) {
      this.#post(reports.slice(at, at + REPORTS_PER_POST_MAX));
    }
  }
}
