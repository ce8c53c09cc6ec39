// The adapters of CONTRACT.md for several servers, the official ones, and the emitter.

import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { createClient, createCluster } from 'redis';

async function connect(path) {
  const nodes = /^cluster:(.*)/.exec(path)?.[1].split(',');
  const client = nodes
    ? createCluster({ rootNodes: nodes.map((node) => ({ url: `redis://${node}` })) })
    : createClient({ socket: { path } });
  // Tests end Redis while servers run; the client comes back by itself.
  client.on('error', () => {});
  await client.connect();
  return client;
}

export async function cluster({ adapter: kind, redis: path, 'redis-key': key }) {
  if (kind === 'none') return {};
  const [pub, sub, third] = await Promise.all([connect(path), connect(path), connect(path)]);
  const emitter = new Emitter(third, { key });
  switch (kind) {
    case 'redis':
      return { adapter: createAdapter(pub, sub, { key }), emitter };
    case 'redis-specific':
      return { adapter: createAdapter(pub, sub, { key, publishOnSpecificResponseChannel: true }), emitter };
    case 'redis-sharded':
      return { adapter: createShardedAdapter(pub, sub, { channelPrefix: key }), emitter };
    case 'redis-streams':
      // Its emitter is not published.
      return { adapter: createStreamsAdapter(pub, { streamName: key, channelPrefix: key }) };
    default:
      throw new Error(`--adapter: no "${kind}"`);
  }
}
