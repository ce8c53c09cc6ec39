<?php
// A backend for sioserver in one file, with nothing but PHP: it answers hooks and takes webhooks.
//
//   SIO_SECRET=whsec_... php -S 127.0.0.1:8000 backend.php

// Whether a request comes from our server: the scheme of Standard Webhooks.
function signed(string $raw, array $h): bool
{
    $key = base64_decode(substr(getenv('SIO_SECRET'), strlen('whsec_')));
    $id = $h['webhook-id'] ?? '';
    $time = $h['webhook-timestamp'] ?? '';
    $mac = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$raw", $key, true));
    return abs(time() - (int) $time) < 300
        && array_filter(explode(' ', $h['webhook-signature'] ?? ''), fn ($s) => hash_equals($mac, $s));
}

// Who a client is. A real one looks its session up; this one believes the cookie "user".
function user_of(array $headers): ?string
{
    return preg_match('/(?:^|; )user=(\w+)/', $headers['cookie'] ?? '', $m) ? $m[1] : null;
}

function connect(array $m): array
{
    $user = user_of($m['headers']);
    return $user === null
        ? ['allow' => false, 'error' => ['message' => 'log in first', 'data' => ['code' => 'E_SESSION']]]
        : ['allow' => true, 'user' => $user, 'data' => ['name' => ucfirst($user)]];
}

// An event of a client: what is returned is its acknowledgement, and what is to happen besides.
function event(array $m): array
{
    switch ($m['event']) {
        case 'order.create':
            $order = ['id' => 981, 'sku' => $m['args'][0]['sku'], 'by' => $m['user']];
            return [
                'ack' => [$order],
                'join' => ['order:981'],
                'emit' => [['to' => ['staff'], 'event' => 'order.created', 'args' => [$order]]],
            ];
    }
    return ['ack' => [['error' => ['code' => 'unknown_event', 'message' => $m['event']]]]];
}

// A batch of webhooks: remembered, in a file here.
function remember(array $events): array
{
    if ($file = getenv('SIO_EVENTS')) {
        file_put_contents($file, implode('', array_map(fn ($e) => json_encode($e) . "\n", $events)), FILE_APPEND | LOCK_EX);
    }
    return [];
}

$raw = file_get_contents('php://input');
if (!signed($raw, array_change_key_case(getallheaders()))) {
    http_response_code(401);
    exit;
}
$m = json_decode($raw, true);
$reply = match ($m['hook'] ?? 'webhook') {
    'connect' => connect($m),
    'event' => event($m),
    'webhook' => remember($m['events']),
    default => ['allow' => false],
};
header('Content-Type: application/json');
echo json_encode((object) $reply);
