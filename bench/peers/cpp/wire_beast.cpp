// Boost.Beast over Asio and OpenSSL, its loop polled in a spin.
#include <openssl/opensslv.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/version.hpp>

#include "bench/peers/cpp/straightforward_book.hpp"
#include "bench/questions/wire.hpp"

namespace havklo::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Beast {
 public:
  bool open(const Wire& wire, std::string& why) try {
    books_ = wire.books;
    buffer_.reserve(64 * 1024);  // a whole message, and simdjson's padding behind it
    tls_.load_verify_file(wire.ca_file);
    tls_.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_ciphersuites(tls_.native_handle(), "TLS_AES_128_GCM_SHA256");
    auto& socket = stream_.next_layer().next_layer();
    socket.connect({asio::ip::address_v4::loopback(), wire.port});
    socket.set_option(asio::ip::tcp::no_delay(true));
    SSL_set_tlsext_host_name(stream_.next_layer().native_handle(), "localhost");
    stream_.next_layer().handshake(asio::ssl::stream_base::client);
    stream_.handshake("localhost", "/v2");
    stream_.write(asio::buffer(wire.books ? subscribe_books : subscribe_trades));
    read();
    return true;
  } catch (const std::exception& error) {
    why = error.what();
    return false;
  }
  void pump(Arrivals& arrivals) {
    arrivals_ = &arrivals;
    context_.poll_one();
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  void read() {
    stream_.async_read(buffer_, [this](const beast::error_code& error, size_t) {
      if (error) return;
      const auto bytes = buffer_.cdata();
      take(simdjson::padded_string_view(static_cast<const char*>(bytes.data()), bytes.size(),
                                        buffer_.capacity()));
      buffer_.consume(bytes.size());
      read();
    });
  }
  void take(simdjson::padded_string_view text) {
    if (!books_) return arrivals_->on_text(text);
    if (!text.starts_with(R"({"channel":"book")")) return;
    events_.clear();
    if (!book_.apply(text, events_)) fault_ = "a book did not verify";
    arrivals_->on_messages(1);
  }

  asio::io_context context_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  beast::websocket::stream<asio::ssl::stream<asio::ip::tcp::socket>> stream_{context_, tls_};
  beast::flat_buffer buffer_;
  StraightforwardBooks book_{10};
  std::vector<Event> events_;
  bool books_ = false;
  Arrivals* arrivals_ = nullptr;
  std::string fault_;
};

const std::string version = std::string(BOOST_LIB_VERSION) + " + OpenSSL " + OPENSSL_VERSION_STR;
const Registration latency("wire", "Boost.Beast", version, wire_latency<Beast>, wire_rates);
const Registration text("stream_text", "Boost.Beast", version,
                        wire_stream<Beast, Load::Kind::flood_text>);
const Registration books("stream_books", "Boost.Beast", version,
                         wire_stream<Beast, Load::Kind::flood_books>);

}  // namespace
}  // namespace havklo::bench
