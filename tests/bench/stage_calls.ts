/** Calls of the thread that starts programs and talks to the API inside a laboratory host: types only. */

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
  /** Wall times in ms with a fraction, comparable with those of all threads of this process. */
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Object to send; a PATCH is a merge patch. */
  readonly body?: unknown;
}

export interface ProgramStart {
  readonly command: string;
  readonly args: readonly string[];
  /** Asked every few milliseconds until it answers 200. Without it the end of the program is awaited. */
  readonly readyUrl?: string;
}

export type StageCalls = {
  enter: { args: { namespacePath: string }; result: null };
  connect: { args: { server: string; caPem: string; token: string }; result: null };
  request: { args: ApiRequest; result: ApiAnswer };
  /** Requests side by side, at most `parallel` at a time. Rejects when one is not answered with 2xx. */
  requests: { args: { requests: readonly ApiRequest[]; parallel: number }; result: { durationMs: number } };
  /** Runs a program and waits for it to be ready. `child` names it for `stopProgram`. */
  startProgram: { args: ProgramStart; result: { child: number; pid: number; readyMs: number } };
  stopProgram: { args: { child: number }; result: { code: number } };
  stopAll: { args: null; result: null };
};
