<?php
// Publishes with Laravel's broadcasting over its redis driver, for ingest.mjs: publish.php UNIX-SOCKET

error_reporting(E_ALL & ~E_DEPRECATED); // of Laravel 8 on newer versions of PHP
require 'Illuminate/Broadcasting/autoload.php';
require 'Illuminate/Config/autoload.php';
require 'Illuminate/Container/autoload.php';
require 'Illuminate/Redis/autoload.php';
require 'Predis/autoload.php';

use Illuminate\Broadcasting\{BroadcastEvent, BroadcastManager, Channel, InteractsWithSockets, PresenceChannel, PrivateChannel};
use Illuminate\Config\Repository;
use Illuminate\Container\Container;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;
use Illuminate\Redis\RedisManager;

// As an application would be configured.
$app = new Container();
$redis = [
    'client' => 'predis', 'options' => ['prefix' => 'laravel_database_'],
    'default' => ['scheme' => 'unix', 'path' => $argv[1]],
];
$app['config'] = new Repository([
    'broadcasting' => ['default' => 'redis', 'connections' => ['redis' => ['driver' => 'redis', 'connection' => 'default']]],
    'database' => ['redis' => $redis],
]);
$app->singleton('redis', fn () => new RedisManager($app, $redis['client'], $app['config']['database.redis']));
$manager = new BroadcastManager($app);
$marks = new Predis\Client($redis['default']);

class OrderShipped implements ShouldBroadcast
{
    use InteractsWithSockets;

    public function __construct(public $order, private array $channels)
    {
    }

    public function broadcastOn()
    {
        return $this->channels;
    }
}

class Named extends OrderShipped
{
    public function broadcastAs()
    {
        return 'order.shipped';
    }

    public function broadcastWith()
    {
        return [];
    }
}

$others = new OrderShipped(['id' => 8], [new PrivateChannel('orders.7')]);
$others->socket = 'SID'; // what dontBroadcastToCurrentUser takes from the field X-Socket-ID
$steps = [
    'a channel' => new OrderShipped(['id' => 7, 'name' => 'é€😀', 'path' => 'a/b', 'price' => 1.5], [new Channel('news')]),
    'several channels' => new OrderShipped(['id' => 7], [new PrivateChannel('orders.7'), new PresenceChannel('room.1')]),
    'to others' => $others,
    'a name of its own, no data' => new Named(['id' => 9], [new PrivateChannel('orders.7')]),
];
foreach ($steps as $step => $event) {
    $marks->publish('step', $step);
    (new BroadcastEvent($event))->handle($manager);
}
