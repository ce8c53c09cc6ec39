// node:http or node:https, by the URL.

import http from 'node:http';
import https from 'node:https';

export const requestTo = (url, ...args) => (String(url).startsWith('https:') ? https : http).request(url, ...args);
