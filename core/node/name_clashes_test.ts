import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { admit, fakeNetwork, fakeSelf, revoke } from "../identity/fake_members.ts";
import { Trust } from "../identity/trust.ts";
import { Alerts } from "./alerts.ts";
import { EventBus } from "./event_bus.ts";
import { NameClashAlerts, nameClashes } from "./name_clashes.ts";
import { FakeLog } from "./node_fixture.ts";

const [founder, ann, bob] = ["founder", "ann", "bob"].map(fakeSelf) as [
  ReturnType<typeof fakeSelf>,
  ReturnType<typeof fakeSelf>,
  ReturnType<typeof fakeSelf>,
];
const network = fakeNetwork(founder);
const first = admit(network, founder, ann, { name: "web", wall: 1 });
const second = admit(network, founder, bob, { name: "Web", wall: 2 });

test("a name of two members is told with who has it, in whatever order they were learned", () => {
  for (const order of [[first, second], [second, first]]) {
    const trust = new Trust(network.founding);
    for (const record of order) trust.merge(record);
    const [clash, ...more] = nameClashes(trust);
    assert.deepEqual([clash!.alert, more], ["name-clash:web", []]);
    assert.match(
      clash!.detail,
      new RegExp(`"web" is the name of ${ann.id}, and was given to ${bob.id} as well`),
    );
  }
});

test("the alert is raised once and cleared when one of the two is out", () => {
  const events = new EventBus(new FakeLog());
  const { signal } = new AbortController();
  const seen: string[] = [];
  events.on("alert:raised", ({ alert }) => void seen.push(`raised ${alert}`), signal);
  events.on("alert:cleared", ({ alert }) => void seen.push(`cleared ${alert}`), signal);
  const trust = new Trust(network.founding);
  const alerts = new NameClashAlerts(
    new Alerts({ clock: new SimClock(), events, log: new FakeLog() }, signal),
  );
  for (const record of [first, second, revoke(network, founder, bob)]) {
    trust.merge(record);
    alerts.update(trust);
    alerts.update(trust);
  }
  assert.deepEqual(seen, ["raised name-clash:web", "cleared name-clash:web"]);
});
