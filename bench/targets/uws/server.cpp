// uWebSockets without Socket.IO: /bcast publishes every message to all who are there, any other path sends it back.

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

#include "App.h"

namespace {

constexpr unsigned MAX_PAYLOAD_BYTES = 1'000'000;
constexpr unsigned MAX_BACKPRESSURE_BYTES = 16 << 20;

struct Nothing {};

using Socket = uWS::WebSocket<false, true, Nothing>;

uWS::App::WebSocketBehavior<Nothing> behavior()
{
	return {.maxPayloadLength = MAX_PAYLOAD_BYTES, .maxBackpressure = MAX_BACKPRESSURE_BYTES};
}

std::string flag(int argc, char **argv, std::string_view name)
{
	for (int i = 1; i + 1 < argc; i++)
		if (argv[i] == name)
			return argv[i + 1];
	return "";
}

}

int main(int argc, char **argv)
{
	const std::string listen = flag(argc, argv, "--listen");
	const size_t colon = listen.rfind(':');
	const int port = colon == std::string::npos ? -1 : std::atoi(listen.c_str() + colon + 1);
	if (port < 0 || port > 65535) {
		std::cerr << "usage: run --listen HOST:PORT" << std::endl;
		return 2;
	}
	const std::string host = listen.substr(0, colon);

	uWS::App app;
	auto echo = behavior();
	echo.message = [](Socket *ws, std::string_view message, uWS::OpCode code) { ws->send(message, code); };
	auto bcast = behavior();
	bcast.open = [](Socket *ws) { ws->subscribe("all"); };
	bcast.message = [&app](Socket *, std::string_view message, uWS::OpCode code) { app.publish("all", message, code); };

	app.ws<Nothing>("/bcast", std::move(bcast)).ws<Nothing>("/*", std::move(echo));
	app.listen(host, port, [&](us_listen_socket_t *socket) {
		if (!socket) {
			std::cerr << "cannot listen on " << listen << std::endl;
			std::exit(1);
		}
		const int bound = us_socket_local_port(0, reinterpret_cast<us_socket_t *>(socket));
		std::cout << R"({"listening":")" << host << ':' << bound << R"(","name":"uws","version":")" << VERSION << "\"}" << std::endl;
	});
	app.run();
}
