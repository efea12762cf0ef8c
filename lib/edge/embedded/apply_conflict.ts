/** The refusal of an apply: every field that another manager owns and that would change, in kube-apiserver's words. */
import type { Manager } from "./managed_fields.ts";
import { StatusError } from "./status_error.ts";

export interface FieldConflict {
  readonly manager: Manager;
  readonly path: string;
}

export function conflicts(found: readonly FieldConflict[]): StatusError {
  return new StatusError(409, {
    reason: "Conflict",
    message: messageOf(found),
    details: {
      causes: found.map(({ manager, path }) => ({
        reason: "FieldManagerConflict",
        message: `conflict with ${nameOf(manager)}`,
        field: path,
      })),
    },
  });
}

function messageOf(found: readonly FieldConflict[]): string {
  const [first] = found;
  if (first !== undefined && found.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${nameOf(first.manager)}: ${first.path}`;
  }
  const byManager = Map.groupBy(found, ({ manager }) => orderOf(manager));
  const parts = [...byManager].sort(([a], [b]) => a < b ? -1 : 1).map(([, list]) =>
    [
      `conflicts with ${nameOf(list[0]!.manager)}:`,
      ...list.map(({ path }) => `- ${path}`),
    ].join("\n")
  );
  return `Apply failed with ${found.length} conflicts: ${parts.join("\n")}`;
}

/** kube-apiserver sorts by the JSON of what makes a manager the same one. */
function orderOf({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify({
    manager,
    operation,
    ...(operation === "Apply" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
}

/** `"x"`, and for an ordinary update also the version. */
function nameOf({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Apply" ? name : `${name} using ${apiVersion}`;
}
