// libwebsockets over OpenSSL, its loop asked never to wait.
#include <libwebsockets.h>

#include <array>
#include <cstring>

#include "bench/peers/cpp/straightforward_book.hpp"
#include "bench/questions/wire.hpp"

namespace havklo::bench {
namespace {

class LibWebSockets {
 public:
  bool open(const Wire& wire, std::string& why) {
    books_ = wire.books;
    text_.reserve(64 * 1024);
    lws_set_log_level(0, nullptr);
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols.data();
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_VALIDATE_UTF8;
    info.client_ssl_ca_filepath = wire.ca_file.c_str();
    info.client_tls_1_3_plus_cipher_list = "TLS_AES_128_GCM_SHA256";
    info.user = this;
    context_.reset(lws_create_context(&info));
    lws_client_connect_info to{};
    to.context = context_.get();
    to.address = "localhost";
    to.host = "localhost";
    to.port = wire.port;
    to.path = "/v2";
    to.ssl_connection = LCCSCF_USE_SSL | LCCSCF_PRIORITIZE_READS;
    to.local_protocol_name = protocols.front().name;
    if (context_ == nullptr || lws_client_connect_via_info(&to) == nullptr) {
      why = "libwebsockets cannot connect";
      return false;
    }
    return true;
  }
  void pump(Arrivals& arrivals) {
    arrivals_ = &arrivals;
    lws_service(context_.get(), -1);
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  static int on_event(lws* connection, lws_callback_reasons reason, void*, void* bytes,
                      size_t size) {
    auto* const self = static_cast<LibWebSockets*>(lws_context_user(lws_get_context(connection)));
    switch (reason) {
      case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        self->fault_ = bytes != nullptr ? static_cast<const char*>(bytes) : "cannot connect";
        return -1;
      case LWS_CALLBACK_CLIENT_ESTABLISHED:
        lws_callback_on_writable(connection);
        return 0;
      case LWS_CALLBACK_CLIENT_WRITEABLE:
        return self->subscribe(connection);
      case LWS_CALLBACK_CLIENT_RECEIVE: {
        const std::string_view piece{static_cast<const char*>(bytes), size};
        const bool last =
            lws_is_final_fragment(connection) && lws_remaining_packet_payload(connection) == 0;
        self->take(piece, lws_is_first_fragment(connection) != 0, last);
        return 0;
      }
      default:
        return 0;
    }
  }
  int subscribe(lws* connection) {
    const std::string_view text = books_ ? subscribe_books : subscribe_trades;
    std::vector<unsigned char> room(LWS_PRE + text.size());
    std::memcpy(room.data() + LWS_PRE, text.data(), text.size());
    return lws_write(connection, room.data() + LWS_PRE, text.size(), LWS_WRITE_TEXT) < 0 ? -1 : 0;
  }
  // A message comes in pieces of what it read at once; whole ones are not copied.
  void take(std::string_view piece, bool first, bool last) {
    if (first && last && !books_) return arrivals_->on_text(piece);
    if (first) text_.clear();
    text_.append(piece);
    if (!last) return;
    if (!books_) return arrivals_->on_text(text_);
    if (!text_.starts_with(R"({"channel":"book")")) return;
    events_.clear();
    text_.reserve(text_.size() + receive_padding);
    if (!book_.apply(simdjson::padded_string_view(text_.data(), text_.size(), text_.capacity()),
                     events_)) {
      fault_ = "a book did not verify";
    }
    arrivals_->on_messages(1);
  }

  struct Destroy {
    void operator()(lws_context* context) const { lws_context_destroy(context); }
  };
  static constexpr std::array<lws_protocols, 2> protocols{
      {{"feed", on_event, 0, 64 * 1024, 0, nullptr, 0}, {nullptr, nullptr, 0, 0, 0, nullptr, 0}}};

  std::unique_ptr<lws_context, Destroy> context_;
  std::string text_;
  StraightforwardBooks book_{10};
  std::vector<Event> events_;
  bool books_ = false;
  Arrivals* arrivals_ = nullptr;
  std::string fault_;
};

// Debian leaves the dash of a build number behind.
const std::string version =
    std::string(LWS_LIBRARY_VERSION).substr(0, std::strcspn(LWS_LIBRARY_VERSION, "-"));
const Registration latency("wire", "libwebsockets", version, wire_latency<LibWebSockets>,
                           wire_rates);
const Registration text("stream_text", "libwebsockets", version,
                        wire_stream<LibWebSockets, Load::Kind::flood_text>);
const Registration books("stream_books", "libwebsockets", version,
                         wire_stream<LibWebSockets, Load::Kind::flood_books>);

}  // namespace
}  // namespace havklo::bench
