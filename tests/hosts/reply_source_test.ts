/** Which address of a host others hear, where it has several. */
import assert from "node:assert/strict";
import { formatToken, parseToken } from "../../core/identity/token.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { until } from "../../examples/lab/lab.ts";
import type { Namespace } from "../../examples/lab/namespace.ts";
import { test } from "../harness.ts";
import { inLab, limit, skip } from "./lab_fixture.ts";

const transferBytes = 1_000_000;
const port = 6783;
/** The first packet without the address is heard; the rest is for machines that are busy. */
const longestSilenceMillis = 3_000;
/** Behind those of the cables, which the system prefers. */
const second = { 4: "198.51.100.201", 6: "2001:db8::201" } as const;
const prefixLength = { 4: 24, 6: 64 } as const;

/** Of what nodes say, only what comes from this address gets in. */
function letInOnly(host: Namespace, family: 4 | 6, address: string): void {
  const isOther = family === 4 ? `meta nfproto ipv6 drop` : `meta nfproto ipv4 drop`;
  host.nft(
    "add table inet lab",
    "add chain inet lab in { type filter hook input priority 0; }",
    `add rule inet lab in udp sport ${port} ${isOther}`,
    `add rule inet lab in udp sport ${port} ${family === 4 ? "ip" : "ip6"} saddr != ${address} counter drop`,
  );
}

for (const family of [4, 6] as const) {
  test(
    `a host is reached by its second IPv${family} address through a firewall, and without it by the first`,
    () =>
      inLab(async (lab) => {
        const [a, b] = [lab.host("a"), lab.host("b")];
        const address = `${second[family]}/${prefixLength[family]}`;
        a.namespace.ip(`addr add ${address} dev eth0${family === 6 ? " nodad" : ""}`);
        letInOnly(b.namespace, family, second[family]);
        await a.launch();
        const { token } = await a.admin.createToken();
        const endpoint = { host: second[family], port };
        await b.join(formatToken({ ...parseToken(token), seeds: [endpoint] }));
        await lab.meshed();
        const seen = async () => (await b.admin.connections())[0]?.endpoint;
        assert.equal(await seen(), formatEndpoint(endpoint));

        const [from, to] = await Promise.all([b.container(), a.container()]);
        const before = (await a.admin.status()).datapath.counters!.datagramsOut;
        assert.ok(from.namespace.pings(to.address4) && to.namespace.pings(from.address6));
        assert.equal((await to.transfer(from.address4, 1, transferBytes)).intact, 1);
        assert.equal((await from.transfer(to.address6, 1, transferBytes)).intact, 1);
        const sent = (await a.admin.status()).datapath.counters!.datagramsOut - before;
        assert.ok(sent > 2 * transferBytes / 65_536, `the thread has sent ${sent}`);
        assert.equal(await seen(), formatEndpoint(endpoint));

        b.namespace.nft("delete table inet lab");
        await to.order("watch", { to: from.address4, port: 7000 });
        a.namespace.ip(`addr del ${address} dev eth0`);
        await until(async () => ![undefined, formatEndpoint(endpoint)].includes(await seen()));
        assert.ok(to.namespace.pings(from.address4));
        const silence = await to.order("watched", {});
        assert.ok(silence.to - silence.from < longestSilenceMillis, `${silence.to - silence.from} ms`);
        assert.ok((await a.admin.status()).datapath.counters!.sourcesLost > 0, "the thread has found out");
        assert.equal((await to.transfer(from.address6, 1, transferBytes)).intact, 1);
      }),
    { skip, limit },
  );
}
