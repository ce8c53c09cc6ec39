<?php
// A small application around Laravel's own broadcaster: who may be in which channel, and events over Redis.
//
//   REDIS=/path/redis.sock php -S 127.0.0.1:8000 laravel.php

namespace {
    error_reporting(E_ALL & ~E_DEPRECATED); // of Laravel 8 on newer versions of PHP
    foreach (['Broadcasting', 'Config', 'Container', 'Redis'] as $part) {
        require "Illuminate/$part/autoload.php";
    }
    require 'Predis/autoload.php';
}

namespace Symfony\Component\HttpKernel\Exception {
    // Of a package that nothing else here needs.
    class AccessDeniedHttpException extends \Exception
    {
    }
}

namespace App\Events {
    use Illuminate\Broadcasting\InteractsWithSockets;
    use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

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
}

namespace {
    use App\Events\OrderShipped;
    use Illuminate\Broadcasting\{BroadcastEvent, BroadcastManager};
    use Illuminate\Config\Repository;
    use Illuminate\Container\Container;
    use Illuminate\Redis\RedisManager;
    use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

    class User
    {
        public function __construct(public string $name)
        {
        }

        public function getAuthIdentifier()
        {
            return strlen($this->name); // as a number
        }
    }

    // What the broadcaster wants to know of a request.
    class Request
    {
        public $channel_name;

        public function __construct()
        {
            $this->channel_name = $_POST['channel_name'] ?? '';
        }

        // By a cookie, or by a token.
        public function user()
        {
            $token = preg_match('/^Bearer (\w+)$/', $_SERVER['HTTP_AUTHORIZATION'] ?? '', $m) ? $m[1] : null;
            $name = $token ?? $_COOKIE['user'] ?? null;
            return $name ? new User($name) : null;
        }
    }

    $app = new Container();
    Container::setInstance($app);
    $app['config'] = new Repository([
        'broadcasting' => ['default' => 'redis', 'connections' => ['redis' => ['driver' => 'redis', 'connection' => 'default']]],
        'database' => ['redis' => ['options' => ['prefix' => 'laravel_database_'], 'default' => ['scheme' => 'unix', 'path' => getenv('REDIS')]]],
    ]);
    $app->singleton('redis', fn () => new RedisManager($app, 'predis', $app['config']['database.redis']));
    $manager = new BroadcastManager($app);

    // routes/channels.php
    $broadcaster = $manager->connection();
    $broadcaster->channel('orders.{id}', fn ($user, $id) => $user->name !== 'eve');
    $broadcaster->channel('room.{id}', fn ($user, $id) => $user->name === 'eve' ? false : ['name' => $user->name]);

    header('Content-Type: application/json');
    switch ($_SERVER['REQUEST_URI']) {
        case '/broadcasting/auth':
            try {
                echo $broadcaster->auth(new Request());
            } catch (AccessDeniedHttpException) {
                http_response_code(403);
                echo '{"message":"This action is unauthorized."}';
            }
            break;
        case '/ship': // {order, channels}, to all but the socket of the field X-Socket-ID
            $m = json_decode(file_get_contents('php://input'), true);
            $event = new OrderShipped($m['order'], $m['channels']);
            $event->socket = $_SERVER['HTTP_X_SOCKET_ID'] ?? null;
            (new BroadcastEvent($event))->handle($manager);
            echo 'true';
            break;
        default:
            http_response_code(404);
    }
}
