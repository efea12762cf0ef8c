/** Keeps `metadata.managedFields` over the writes of clients: which entries a write starts from, and in whose name it is. */
import type { Clock } from "../../base/time.ts";
import { type Applied, applyConfiguration } from "./apply_patch.ts";
import { cloneJson, isMap, type JsonMap, type JsonValue, mapAt } from "./json_map.ts";
import {
  checkedManagers,
  type Manager,
  recordUpdate,
  storedManagers,
  writeManagers,
  type Writer,
} from "./managed_fields.ts";
import { fieldManagerOf, isForced, type ObjectRequest } from "./object_request.ts";
import { timestampOf } from "./object_writer.ts";
import type { Registry } from "./registry.ts";
import type { ResourceType } from "./resource_type.ts";
import type { StoredObject } from "./stored_object.ts";

export interface FieldManagerDeps {
  readonly registry: Registry;
  readonly clock: Clock;
}

export class FieldManager {
  readonly #deps: FieldManagerDeps;

  constructor(deps: FieldManagerDeps) {
    this.#deps = deps;
  }

  /** After an ordinary write: `body` is decoded and gets its entries; `sent` are those that came with it. */
  track(
    request: ObjectRequest,
    { type, body, sent, previous }: {
      type: ResourceType;
      body: JsonMap;
      sent: JsonValue | undefined;
      previous: StoredObject | undefined;
    },
  ): void {
    const writer = this.#writer(request, type);
    const own = request.target.subresource === "" ? entriesSent(sent) : undefined;
    const managers = own ?? entriesOf(previous);
    // Nobody asked who owns what so far: apply will begin with all that is there.
    if (managers.length === 0 && previous !== undefined) return;
    const change = { before: previous?.body, after: body };
    setEntries(body, recordUpdate(managers, { writer, change }));
  }

  /** What applying makes of the object. Throws 409 for a conflict. */
  apply(
    request: ObjectRequest,
    { type, configuration, previous }: {
      type: ResourceType;
      configuration: JsonMap;
      previous: StoredObject | undefined;
    },
  ): Applied {
    return applyConfiguration({
      live: previous === undefined ? undefined : cloneJson(withoutEntries(previous.body)),
      managers: entriesOf(previous),
      configuration,
      writer: this.#writer(request, type),
      force: isForced(request),
    });
  }

  #writer(request: ObjectRequest, type: ResourceType): Writer {
    const { registry, clock } = this.#deps;
    return {
      manager: fieldManagerOf(request),
      type,
      subresource: request.target.subresource,
      time: timestampOf(clock.wallMs()),
      atVersion: (apiVersion) => {
        const [version, group] = apiVersion.split("/").reverse();
        return registry.find(group ?? "", version!, type.plural);
      },
    };
  }
}

/** Puts the entries into an object that is about to be stored. */
export function setEntries(body: JsonMap, managers: readonly Manager[]): void {
  const metadata = body.metadata as JsonMap;
  if (managers.length === 0) delete metadata.managedFields;
  else metadata.managedFields = writeManagers(managers);
}

/** The object without the bulk that owners are, for those who only look at the rest of it. */
export function withoutEntries(body: JsonMap): JsonMap {
  const { managedFields: _, ...metadata } = mapAt(body, "metadata");
  return { ...body, metadata };
}

function entriesOf(object: StoredObject | undefined): readonly Manager[] {
  return object === undefined ? [] : storedManagers(object.body);
}

/** Clients may rewrite the entries; one empty entry clears them, none or bad ones mean those that are there. */
function entriesSent(sent: JsonValue | undefined): readonly Manager[] | undefined {
  if (Array.isArray(sent) && sent.length === 1 && isMap(sent[0]) && Object.keys(sent[0]).length === 0) return [];
  return checkedManagers(sent);
}
