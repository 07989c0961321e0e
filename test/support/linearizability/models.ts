/** Objects as they are when one client at a time uses them. */
import type { Operation, RegisterOperation } from "../history.ts";
import type { Model } from "./checker.ts";

/** A register holds a value; "" before the first write. */
export const REGISTER: Model<string, RegisterOperation> = {
  initial: "",
  key: (value) => value,
  step: (value, op) => {
    switch (op.op) {
      case "read":
        return op.output === null || op.output.value === value ? value : null;
      case "write":
        return op.input.value;
      case "cas": {
        const done = value === op.input.expected;
        if (op.output !== null && op.output.done !== done) return null;
        return done ? op.input.value : value;
      }
    }
  },
};

type Named = { readonly name: string };
type Found = { readonly version: number; readonly value: string };

/** A named service as the control API has it: `value` stands for its spec, versions rise with every change of it. */
export type ServiceOperation =
  | Operation<"create", Named & { readonly value: string }, { readonly version: number } | "exists">
  | Operation<
      "update",
      Named & { readonly version: number; readonly value: string },
      { readonly version: number } | "conflict" | "not-found"
    >
  | Operation<"remove", Named, "removed" | "not-found">
  /** By hand or the cluster's own: the value stays, the version is another. */
  | Operation<"rollback", Named, { readonly version: number }>
  | Operation<"get", Named, Found | "not-found">;

/**
 * `version` is null where only an unknown outcome could have told it: the first one that a client sees is it, if it is
 * above every earlier one.
 */
export type ServiceState = { readonly value: string | null; readonly version: number | null; readonly above: number };

function put(
  { version, above }: ServiceState,
  value: string,
  output: { readonly version: number } | null,
): ServiceState | null {
  const floor = Math.max(above, version ?? 0);
  if (output === null) return { value, version: null, above: floor };
  return output.version > floor ? { value, version: output.version, above: floor } : null;
}

/** The state in which its version is what somebody saw; null if it cannot be. */
function seenAs(state: ServiceState, version: number): ServiceState | null {
  if (state.version === null) return version > state.above ? { ...state, version } : null;
  return state.version === version ? state : null;
}

function update(state: ServiceState, op: Extract<ServiceOperation, { op: "update" }>): ServiceState | null {
  const { input, output } = op;
  if (state.value === null) return output === null || output === "not-found" ? state : null;
  const matched = seenAs(state, input.version);
  // A version that nobody knows may be another one.
  const mayConflict = state.version !== input.version;
  if (output === "not-found") return null;
  if (output === "conflict") return mayConflict ? state : null;
  if (matched === null) return output === null ? state : null;
  return put(matched, input.value, output);
}

export const SERVICE: Model<ServiceState, ServiceOperation> = {
  initial: { value: null, version: null, above: 0 },
  key: ({ value, version, above }) => `${value ?? "\u0000"}/${version ?? "?"}/${above}`,
  step: (state, op) => {
    switch (op.op) {
      case "create":
        if (state.value !== null) return op.output === null || op.output === "exists" ? state : null;
        return op.output === "exists" ? null : put(state, op.input.value, op.output);
      case "update":
        return update(state, op);
      case "remove":
        if (state.value === null) return op.output === null || op.output === "not-found" ? state : null;
        if (op.output === "not-found") return null;
        return { value: null, version: null, above: Math.max(state.above, state.version ?? 0) };
      case "rollback":
        return state.value === null ? null : put(state, state.value, op.output);
      case "get":
        if (op.output === null) return state;
        if (op.output === "not-found") return state.value === null ? state : null;
        return state.value === op.output.value ? seenAs(state, op.output.version) : null;
    }
  },
};
