// Boost.Beast's WebSocket stream over Asio's TLS stream, which is OpenSSL over memory BIOs; below
// it a buffer. Behind it nothing, or simdjson to an event.
#include <openssl/opensslv.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/version.hpp>
#include <cstring>
#include <havklo/limits.hpp>
#include <stdexcept>

#include "bench/peers/cpp/straightforward_trade.hpp"
#include "bench/questions/record_events.hpp"
#include "bench/questions/records.hpp"
#include "bench/venue/world.hpp"

namespace havklo::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

// The other end: what the client writes is answered at once; what it reads is the answer, or what
// the benchmark put in.
class Venue {
 public:
  Venue() { websocket_.start_server(); }

  void receive(std::span<const std::byte> cipher) {
    tls_.feed(cipher);
    if (!tls_.is_established()) static_cast<void>(tls_.handshake());
    std::vector<std::byte> plain(64 * 1024);
    const size_t room = plain.size() - receive_padding;
    while (tls_.is_established()) {
      const auto read = tls_.read(std::span(plain).first(room));
      Nobody nobody;
      if (read.bytes != 0) {
        static_cast<void>(websocket_.receive(std::span(plain).first(read.bytes), nobody));
      }
      if (read.status != io::TlsStatus::done) break;
    }
    if (!websocket_.output().empty()) {
      static_cast<void>(tls_.write(websocket_.output()));
      websocket_.consume_output(websocket_.output().size());
    }
    std::vector<std::byte> out;
    take_output(tls_, out);
    answer.insert(answer.end(), out.begin(), out.end());
  }
  [[nodiscard]] std::vector<std::byte> seal(std::string_view text) {
    std::vector<std::byte> frame;
    append_frame(frame, text);
    static_cast<void>(tls_.write(frame));
    std::vector<std::byte> record;
    take_output(tls_, record);
    return record;
  }

  std::vector<std::byte> answer;
  std::span<const std::byte> next;

 private:
  io::TlsContext context_ =
      io::TlsContext::server(record_authority().issue().value(), io::TlsVersions::only_1_3).value();
  io::TlsStream tls_{context_};
  websocket::Connection websocket_{websocket::Role::server, 64 * 1024};
};

class Memory {
 public:
  using executor_type = asio::io_context::executor_type;
  using lowest_layer_type = Memory;
  Memory(asio::io_context& context, Venue& venue)
      : executor_(context.get_executor()), venue_(venue) {}
  [[nodiscard]] executor_type get_executor() const { return executor_; }
  [[nodiscard]] lowest_layer_type& lowest_layer() { return *this; }

  template <class Buffers>
  size_t read_some(const Buffers& buffers, beast::error_code& error) {
    error = {};
    if (!venue_.answer.empty()) {
      const size_t size = asio::buffer_copy(
          buffers,
          asio::buffer(static_cast<const void*>(venue_.answer.data()), venue_.answer.size()));
      venue_.answer.erase(venue_.answer.begin(),
                          venue_.answer.begin() + static_cast<ptrdiff_t>(size));
      return size;
    }
    const size_t size = asio::buffer_copy(
        buffers, asio::buffer(static_cast<const void*>(venue_.next.data()), venue_.next.size()));
    venue_.next = venue_.next.subspan(size);
    if (size == 0) error = asio::error::eof;
    return size;
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, beast::error_code& error) {
    error = {};
    const std::string cipher = beast::buffers_to_string(buffers);
    venue_.receive(std::as_bytes(std::span(cipher)));
    return cipher.size();
  }

 private:
  executor_type executor_;
  Venue& venue_;
};

template <bool events>
class Beast {
 public:
  static constexpr bool text_alone = !events;

  Beast() {
    buffer_.reserve(64 * 1024);  // a whole message, and simdjson's padding behind it
    tls_.load_verify_file(ca_.path());
    tls_.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_ciphersuites(tls_.native_handle(), "TLS_AES_128_GCM_SHA256");
    stream_.next_layer().handshake(asio::ssl::stream_base::client);
    stream_.handshake("localhost", "/v2");
    stream_.write(asio::buffer(std::string(
        R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}})")));
  }
  [[nodiscard]] std::vector<std::byte> seal(std::string_view text) { return venue_.seal(text); }
  void take(std::span<const std::byte> wire, size_t records, Trades& got) {
    venue_.next = wire;
    for (size_t i = 0; i < records; ++i) {
      beast::error_code error;
      stream_.read(buffer_, error);
      if (error) return;
      const auto bytes = buffer_.cdata();
      const char* const data = static_cast<const char*>(bytes.data());
      if constexpr (events) {
        events_.clear();
        if (trades_.read(simdjson::padded_string_view(data, bytes.size(), buffer_.capacity()),
                         events_)) {
          for (const Event& event : events_) got.on_event(event);
        }
      } else {
        got.on_text({data, bytes.size()});
      }
      buffer_.consume(bytes.size());
    }
  }

 private:
  TemporaryFile ca_{record_authority().certificate_pem()};
  Venue venue_;
  asio::io_context context_{1};
  asio::ssl::context tls_{asio::ssl::context::tlsv13_client};
  beast::websocket::stream<asio::ssl::stream<Memory>> stream_{
      asio::ssl::stream<Memory>(Memory(context_, venue_), tls_)};
  beast::flat_buffer buffer_;
  StraightforwardTrades trades_;
  std::vector<Event> events_;
};

const std::string version = std::string(BOOST_LIB_VERSION) + " + OpenSSL " + OPENSSL_VERSION_STR;
const Registration many("tls_event_many", "Boost.Beast, simdjson", version,
                        record_events<Beast<true>, 16>);
const Registration one("tls_event_one", "Boost.Beast, simdjson", version,
                       record_events<Beast<true>, 1>);
const Registration text_many("tls_event_many", "Boost.Beast, text alone", version,
                             record_events<Beast<false>, 16>);
const Registration text_one("tls_event_one", "Boost.Beast, text alone", version,
                            record_events<Beast<false>, 1>);

}  // namespace
}  // namespace havklo::bench
