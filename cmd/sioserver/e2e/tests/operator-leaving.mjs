// SIGTERM while clients talk: scenario 4 with few clients, as long as it may take.

import { leave } from '../suite/leaving.mjs';
import { scenario } from '../suite/scenario.mjs';

const few = { clients: 200, official: 10, maxRate: 200, every: '500ms', newsEvery: 200, delay: 2000 };

scenario('drain: the next process takes the clients in, and nothing is lost', (given) => leave(given, few));
