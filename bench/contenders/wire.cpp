// The whole engine, spinning, events inline; and what lies below the decoder. By either network.
#include "bench/contenders/wire_clients.hpp"

namespace havklo::bench {
namespace {

using Uring = Engine<Network::io_uring>;
using Sockets = Engine<Network::sockets>;
using UringText = TextOnly<Network::io_uring>;
using SocketsText = TextOnly<Network::sockets>;

const Registration latency("wire", "havklo", HAVKLO_VERSION, wire_latency<Uring>, wire_rates);
const Registration sockets_latency("wire", "havklo: sockets", HAVKLO_VERSION, wire_latency<Sockets>,
                                   wire_rates);
const Registration text_latency("wire", "havklo: text only", HAVKLO_VERSION,
                                wire_latency<UringText>, wire_rates);
const Registration sockets_text_latency("wire", "havklo: sockets, text only", HAVKLO_VERSION,
                                        wire_latency<SocketsText>, wire_rates);
const Registration text("stream_text", "havklo", HAVKLO_VERSION,
                        wire_stream<UringText, Load::Kind::flood_text>);
const Registration sockets_text("stream_text", "havklo: sockets", HAVKLO_VERSION,
                                wire_stream<SocketsText, Load::Kind::flood_text>);
const Registration books("stream_books", "havklo", HAVKLO_VERSION,
                         wire_stream<Uring, Load::Kind::flood_books>);
const Registration sockets_books("stream_books", "havklo: sockets", HAVKLO_VERSION,
                                 wire_stream<Sockets, Load::Kind::flood_books>);

}  // namespace
}  // namespace havklo::bench
