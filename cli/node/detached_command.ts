/** Name of the command that `--detach` starts: no person types it. */
export const detachedCommand = "detached-node";
