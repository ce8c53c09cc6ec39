//! The application contract on socketioxide, served by axum.

mod args;

use args::Args;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// A burst to one client may hold more than the default of 128 packets.
const BUFFER_PACKETS: usize = 16_384;
/// The official default.
const PAYLOAD_BYTES: u64 = 1_000_000;

fn flag(name: &str) -> Option<String> {
    std::env::args().skip_while(|arg| arg != name).nth(1)
}

fn main() {
    let Some(listen) = flag("--listen") else {
        fail("usage: run --listen HOST:PORT [--threads N]");
    };
    let mut runtime = match flag("--threads").map(|n| n.parse()) {
        None => Builder::new_multi_thread(),
        Some(Ok(1)) => Builder::new_current_thread(),
        Some(Ok(n)) if n > 0 => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(n);
            builder
        }
        Some(_) => fail("--threads wants a number above zero"),
    };
    let result = runtime.enable_all().build().and_then(|rt| rt.block_on(serve(&listen)));
    if let Err(err) = result {
        fail(&err.to_string());
    }
}

/// The version that the manifest pins.
fn version() -> &'static str {
    let pin = include_str!("../Cargo.toml").lines().find_map(|line| line.strip_prefix("socketioxide = \"="));
    pin.unwrap_or_default().trim_end_matches('"')
}

fn fail(words: &str) -> ! {
    eprintln!("{words}");
    std::process::exit(1);
}

async fn serve(listen: &str) -> std::io::Result<()> {
    let (layer, io) = SocketIo::builder().max_buffer_size(BUFFER_PACKETS).max_payload(PAYLOAD_BYTES).build_layer();
    io.ns("/", connected);
    let listener = TcpListener::bind(listen).await?;
    println!(r#"{{"listening":"{}","name":"socketioxide","version":"{}"}}"#, listener.local_addr()?, version());
    axum::serve(listener, axum::Router::new().layer(layer)).await
}

async fn connected(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data::<Args>(args), ack: AckSender| {
        let _ = socket.emit("echo", &args);
        let _ = ack.send(&args);
    });
    socket.on("join", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.join(room);
        let _ = ack.send(&Args::default());
    });
    socket.on("room", async |io: SocketIo, Data::<Args>(args)| {
        if let Some(room) = args.first_str() {
            let _ = io.to(room.to_owned()).emit("room", &args).await;
        }
    });
    socket.on("bcast", async |io: SocketIo, Data::<Args>(args)| {
        let _ = io.emit("bcast", &args).await;
    });
    socket.on("sink", async || {});
}
