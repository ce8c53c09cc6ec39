<?php
// Publishes over the API of sioserver, with nothing but PHP, and prints the answer.
//
//   SIO_KEY=sk_... php publish.php '{"to":["chat:7"],"event":"message","data":{"text":"hello"}}'

$answer = file_get_contents((getenv('SIO_API') ?: 'http://127.0.0.1:3001') . '/api/v1/emit', false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => ['Authorization: Bearer ' . getenv('SIO_KEY'), 'Content-Type: application/json'],
    'content' => $argv[1],
    'ignore_errors' => true, // the body of an error tells what is wrong
]]));
echo $answer, "\n";
exit(json_decode($answer, true)['ok'] ?? false ? 0 : 1);
