import { mkdirSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { StoreChange } from "../../core/contracts/store.ts";

/** Makes the directory with a state file as release 0.1 wrote it (form 1); what is in it. */
export function makeOlderForm(directory: string): readonly StoreChange[] {
  const changes = Array.from({ length: 50 }, (_, i) => ({
    key: `crash/old-${i}`,
    value: new Uint8Array(1000).fill(i),
  }));
  mkdirSync(directory, { mode: 0o700 });
  const path = `${directory}/selvage.db`;
  writeFileSync(path, "", { mode: 0o600 });
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
  const put = database.prepare("INSERT INTO entries VALUES (?, ?)");
  for (const { key, value } of changes) put.run(key, value);
  database.exec(`PRAGMA application_id = ${0x534c_5647}`);
  database.exec("PRAGMA user_version = 1");
  database.close();
  return changes;
}
