import { deviceId, deviceOf } from "../../plugins/gre_udp/device.ts";
import { GreUdpMachine } from "../../plugins/gre_udp/machine.ts";
import { Rig } from "../../plugins/noise/testing_rig.ts";
import { type EncapsulationEnd, testEncapsulation } from "./encapsulation.ts";
import { type NotesEnd, testNotes } from "./notes.ts";

function noiseEnd(rig: Rig, name: string): EncapsulationEnd {
  const { machine, endpoint, id, keys } = rig.add(name);
  return { machine, endpoint, id, target: { endpoint, peer: { id, noiseKey: keys.publicKey } } };
}

/** Only the rig's machines are used: the wire and the clock are the kit's. */
testEncapsulation({
  name: "noise",
  create: () => {
    const rig = new Rig();
    return [noiseEnd(rig, "a"), noiseEnd(rig, "b")];
  },
  reserved: 4, // the key of a packet without its checksum, which only a data path worker sends
});

/** Notes name members by their ids, so these are ids. */
function noteEnd(rig: Rig, letter: string): NotesEnd {
  const { machine, endpoint, id, name, keys } = rig.add(letter.repeat(32));
  return { machine, endpoint, record: { id, name, noiseKey: keys.publicKey, endpoints: [endpoint] } };
}

testNotes({
  name: "noise",
  create: () => {
    const rig = new Rig();
    return [noteEnd(rig, "a"), noteEnd(rig, "b")];
  },
});

/** A machine that calls itself `name` and serves the other one. */
function greEnd(name: string, other: string, key?: number): EncapsulationEnd {
  const places: Record<string, string> = { left: "192.0.2.1", right: "192.0.2.2" };
  const peer = { name: other, endpoint: `${places[other]}:4754`, prefixes: ["192.168.7.0/24"] };
  const endpoint = { host: places[name]!, port: 4754 };
  const machine = new GreUdpMachine([deviceOf({ ...peer, ...key !== undefined && { key } })], {
    count() {},
  });
  return { machine, endpoint, id: deviceId(name), target: { endpoint } };
}

testEncapsulation({ name: "gre_udp", create: () => [greEnd("left", "right"), greEnd("right", "left")] });

testEncapsulation({
  name: "gre_udp with a key",
  create: () => [greEnd("left", "right", 7), greEnd("right", "left", 7)],
});
