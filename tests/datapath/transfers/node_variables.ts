/** What `node_program.ts` is told by its environment. Not of the program's own prefix, whose variables are all settings. */

/** Age of a session at which it is renewed. */
export const rekeyVariable = "TRANSFERS_REKEY_MILLIS";
/** System calls for packets in the life of a thread of the data path. */
export const restartVariable = "TRANSFERS_RESTART_CALLS";
