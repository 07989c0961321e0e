// Original file: proto/shoal/v1/access.proto


// Original file: proto/shoal/v1/access.proto

export const _shoal_v1_Access_Caller = {
  /**
   * No certificate needed. Only for the RPCs that exist to get one, health and nothing else.
   */
  ANYONE: 'ANYONE',
  /**
   * A node with a worker's certificate.
   */
  WORKER: 'WORKER',
  /**
   * A node with a manager's certificate.
   */
  MANAGER: 'MANAGER',
  /**
   * A person: an admin context's certificate, or the local unix socket.
   */
  ADMIN: 'ADMIN',
  /**
   * The local unix socket only.
   */
  LOCAL: 'LOCAL',
} as const;

export type _shoal_v1_Access_CallerInput =
  /**
   * No certificate needed. Only for the RPCs that exist to get one, health and nothing else.
   */
  | 'ANYONE'
  | 0
  /**
   * A node with a worker's certificate.
   */
  | 'WORKER'
  | 1
  /**
   * A node with a manager's certificate.
   */
  | 'MANAGER'
  | 2
  /**
   * A person: an admin context's certificate, or the local unix socket.
   */
  | 'ADMIN'
  | 3
  /**
   * The local unix socket only.
   */
  | 'LOCAL'
  | 4

export type _shoal_v1_Access_Caller = typeof _shoal_v1_Access_Caller[keyof typeof _shoal_v1_Access_Caller]

/**
 * Who may call an RPC. Every RPC declares it: one that does not fails the build, and is never served.
 */
export interface AccessInput {
  'allow'?: (_shoal_v1_Access_CallerInput)[];
  /**
   * Changes state: unknown fields and enum values are refused, and a follower forwards it to the leader.
   */
  'mutation'?: (boolean);
  /**
   * Served by the leader only without being a mutation: a follower forwards it too.
   */
  'leader'?: (boolean);
}

/**
 * Who may call an RPC. Every RPC declares it: one that does not fails the build, and is never served.
 */
export interface Access {
  'allow': (_shoal_v1_Access_Caller)[];
  /**
   * Changes state: unknown fields and enum values are refused, and a follower forwards it to the leader.
   */
  'mutation': (boolean);
  /**
   * Served by the leader only without being a mutation: a follower forwards it too.
   */
  'leader': (boolean);
}
