// A client of Boost.Beast as one writes it by hand: connect, shake hands, ask for all books in one
// request, verify; and all of it again when the read fails. It keeps its session ticket. The books
// are the straightforward ones.
#include <openssl/opensslv.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/version.hpp>
#include <optional>

#include "bench/peers/cpp/straightforward_book.hpp"
#include "bench/questions/outage.hpp"

namespace havklo::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Beast {
 public:
  bool open(const Venue& venue, std::string& why) try {
    endpoint_ = {asio::ip::address_v4::loopback(), venue.port};
    books_wanted_ = venue.symbols.size();
    subscribe_ = R"({"method":"subscribe","params":{"channel":"book","depth":10,"symbol":[)";
    for (const std::string& symbol : venue.symbols) {
      subscribe_ += (symbol == venue.symbols.front() ? "\"" : ",\"") + symbol + '"';
    }
    subscribe_ += R"(]},"req_id":1})";
    buffer_.reserve(64 * 1024);  // a whole message, and simdjson's padding behind it
    tls_.load_verify_file(venue.ca_file);
    tls_.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX* const context = tls_.native_handle();
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_set_ex_data(context, own_data(), this);
    SSL_CTX_sess_set_new_cb(context, on_session);
    connect();
    return true;
  } catch (const std::exception& error) {
    why = error.what();
    return false;
  }
  ~Beast() { SSL_SESSION_free(session_); }
  Beast() = default;
  Beast(const Beast&) = delete;
  Beast& operator=(const Beast&) = delete;

  void pump(Outages& outages) {
    outages_ = &outages;
    context_.poll_one();
    if (lost_) {
      // The pause would be here. The old stream is gone from the loop: its last handler ran.
      lost_ = false;
      connect();
    }
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  using Stream = beast::websocket::stream<asio::ssl::stream<asio::ip::tcp::socket>>;

  static int own_data() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  static int on_session(SSL* ssl, SSL_SESSION* session) {
    auto* const self = static_cast<Beast*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), own_data()));
    SSL_SESSION_free(self->session_);
    self->session_ = session;
    return 1;  // ours now
  }

  bool failed(const beast::error_code& error, const char* what) {
    if (error) fault_ = std::string(what) + ": " + error.message();
    return static_cast<bool>(error);
  }
  void connect() {
    verified_ = 0;
    buffer_.clear();
    stream_.emplace(context_, tls_);
    SSL* const ssl = stream_->next_layer().native_handle();
    SSL_set1_host(ssl, "localhost");
    if (session_ != nullptr) SSL_set_session(ssl, session_);
    stream_->next_layer().next_layer().async_connect(endpoint_,
                                                     [this](const beast::error_code& error) {
                                                       if (!failed(error, "connect")) shake_hands();
                                                     });
  }
  void shake_hands() {
    stream_->next_layer().next_layer().set_option(asio::ip::tcp::no_delay(true));
    stream_->next_layer().async_handshake(
        asio::ssl::stream_base::client, [this](const beast::error_code& error) {
          if (failed(error, "handshake")) return;
          resumed_ = SSL_session_reused(stream_->next_layer().native_handle()) == 1;
          upgrade();
        });
  }
  void upgrade() {
    stream_->async_handshake("localhost", "/v2", [this](const beast::error_code& error) {
      if (failed(error, "upgrade")) return;
      stream_->async_write(asio::buffer(subscribe_), [this](const beast::error_code& bad, size_t) {
        if (!failed(bad, "subscribe")) read();
      });
    });
  }
  void read() {
    stream_->async_read(buffer_, [this](const beast::error_code& error, size_t) {
      if (error) {
        outages_->on_lost(monotonic_ns());
        // Or OpenSSL takes the missing close_notify for a reason to spoil the ticket.
        SSL_set_shutdown(stream_->next_layer().native_handle(),
                         SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        lost_ = true;
        return;
      }
      const auto bytes = buffer_.cdata();
      take(simdjson::padded_string_view(static_cast<const char*>(bytes.data()), bytes.size(),
                                        buffer_.capacity()));
      buffer_.consume(bytes.size());
      read();
    });
  }
  void take(simdjson::padded_string_view text) {
    if (!text.starts_with(R"({"channel":"book")")) return;
    events_.clear();
    if (!books_.apply(text, events_)) fault_ = "a book did not verify";
    if (++verified_ == books_wanted_) outages_->on_all_clear(resumed_);
  }

  asio::io_context context_{1};
  // Between two connections there is nothing to do, and it must not stop for that.
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  asio::ip::tcp::endpoint endpoint_;
  std::optional<Stream> stream_;
  beast::flat_buffer buffer_;
  StraightforwardBooks books_{10};
  std::vector<Event> events_;
  std::string subscribe_;
  SSL_SESSION* session_ = nullptr;
  size_t books_wanted_ = 0;
  size_t verified_ = 0;
  bool resumed_ = false;
  bool lost_ = false;
  Outages* outages_ = nullptr;
  std::string fault_;
};

const std::string version = std::string(BOOST_LIB_VERSION) + " + OpenSSL " + OPENSSL_VERSION_STR;
const RestoreRegistrations<Beast> all("Boost.Beast", version);

}  // namespace
}  // namespace havklo::bench
