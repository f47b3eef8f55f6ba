import { MeshError } from "../../contracts/errors.ts";
import type { ArenaAeadSuite } from "../../datapath/arena_aead.ts";
import type { Foreign } from "./foreign.ts";
import { libcryptoSuites } from "./libcrypto_aead.ts";
import { libsodiumSuites } from "./libsodium_aead.ts";

/** The AEADs of all libraries that this process can call; none is no error. Called once in a thread. */
export function foreignAeads(foreign: Foreign): readonly ArenaAeadSuite[] {
  return [libcryptoSuites, libsodiumSuites].flatMap((suites) => {
    try {
      return suites(foreign);
    } catch (error) {
      if (error instanceof MeshError && error.code === "UNSUPPORTED") return [];
      throw error;
    }
  });
}
