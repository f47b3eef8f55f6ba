import type { Logger } from "../../core/contracts/host.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";

/** Changes in one batch: what a full ring leaves unsaved while the disk is full is more than a store takes at once. */
const savedAtOnce = 1024;

/** What this node has learned and not written yet: behind its back, as what others have signed can be had from them again. */
export class Unsaved {
  readonly #store: Pick<Store, "commit">;
  readonly #log: Logger;
  readonly #changes = new Map<string, StoreChange>();
  #isSaving = false;
  #isStopped = false;

  constructor({ store, log }: { readonly store: Pick<Store, "commit">; readonly log: Logger }) {
    this.#store = store;
    this.#log = log;
  }

  add(changes: Iterable<StoreChange>): void {
    for (const change of changes) this.#changes.set(change.key, change);
  }

  /** For a batch that must not be on disk without them. */
  all(): readonly StoreChange[] {
    return [...this.#changes.values()];
  }

  stop(): void {
    this.#isStopped = true;
  }

  save(): void {
    if (this.#isSaving || this.#changes.size === 0) return;
    const batch = this.all().slice(0, savedAtOnce);
    this.#isSaving = true;
    this.#store.commit(batch).then(() => {
      this.#isSaving = false;
      for (const change of batch) {
        if (this.#changes.get(change.key) === change) this.#changes.delete(change.key);
      }
      if (!this.#isStopped) this.save();
    }, (error: unknown) => {
      this.#isSaving = false;
      this.#log.log("error", "What others own cannot be stored; it is tried again", { error });
    });
  }
}
