// Original file: proto/shoal/v1/specs.proto


/**
 * One task on every node that is active and satisfies the placement, nodes that join later included.
 */
export interface GlobalInput {
}

/**
 * One task on every node that is active and satisfies the placement, nodes that join later included.
 */
export interface Global {
}
