/** Where a peer may be sought, as `connect` and `forget` have said. */
import type { Endpoint } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { mergePlaces } from "./places.ts";

export class LinkPlaces {
  /** `connect` named this peer, or an address at which it was found. */
  wanted = false;
  #all: readonly Endpoint[] = [];
  /** Where it is not to be sought once the session that is there has ended. */
  #forgotten: Endpoint | undefined;

  get all(): readonly Endpoint[] {
    return this.#all;
  }

  /** `connect` has named these. */
  want(endpoints: readonly Endpoint[]): void {
    this.wanted = true;
    this.#all = mergePlaces(this.#all, endpoints);
  }

  /** Nobody seeks it any more. */
  clear(): void {
    this.wanted = false;
    this.#all = [];
  }

  /** It is no longer sought at `endpoint`; `current` is where it is now. */
  forget(endpoint: Endpoint, current: Endpoint | undefined): void {
    this.#all = this.#all.filter((place) => !sameEndpoint(place, endpoint));
    if (this.#all.length === 0) this.wanted = false;
    if (current !== undefined && sameEndpoint(current, endpoint)) this.#forgotten = endpoint;
  }

  /** `connect` has named `endpoint`, perhaps again. */
  unforget(endpoint: Endpoint): void {
    if (this.isForgotten(endpoint)) this.#forgotten = undefined;
  }

  isForgotten(endpoint: Endpoint): boolean {
    return this.#forgotten !== undefined && sameEndpoint(this.#forgotten, endpoint);
  }
}
