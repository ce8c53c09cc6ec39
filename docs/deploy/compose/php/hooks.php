<?php
// The backend: hooks are answered while the client waits, webhooks are told later. php -S 127.0.0.1:8000 hooks.php

const TOLERANCE = 300; // seconds that clocks may differ

$body = file_get_contents('php://input');

// Standard Webhooks: HMAC-SHA256 of id.timestamp.body. Several signatures stand there while a secret is replaced.
function signed(string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $secret = base64_decode(substr((string) getenv('HOOK_SECRET'), strlen('whsec_')));
    if ($secret === '' || abs(time() - (int) $time) > TOLERANCE) {
        return false;
    }
    $right = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $secret, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($right, $given)) {
            return true;
        }
    }
    return false;
}

header('Content-Type: application/json');
if (!signed($body)) {
    http_response_code(401);
    exit('{"error":"signature"}');
}
$request = json_decode($body, true);
$reply = match ($request['hook'] ?? 'webhook') {
    // Look at $request['headers']['cookie'] or $request['auth'] here, as your site knows its users.
    'connect' => isset($request['auth']['user'])
        ? ['allow' => true, 'user' => (string) $request['auth']['user']]
        : ['allow' => false, 'error' => ['message' => 'log in first']],
    'event' => ['ack' => [['event' => $request['event'], 'args' => $request['args'], 'from' => 'php']]],
    default => new stdClass(), // a batch of webhooks: any answer of 2xx will do
};
echo json_encode($reply);
