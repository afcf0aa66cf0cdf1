// The WebSocket state machine.
#include "bench/questions/frames.hpp"

#include <cstring>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <vector>

#include "websocket/connection.hpp"

namespace havklo::bench {
namespace {

class Receiver {
 public:
  Receiver(const std::string& stream, size_t read_bytes)
      : stream_(stream), read_bytes_(read_bytes), buffer_(stream.size() + receive_padding) {
    connection_.start_client("localhost", 443, true, "/v2", random_, masks_);
    const auto out = connection_.output();
    const std::string_view request{reinterpret_cast<const char*>(out.data()), out.size()};
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const auto accept = websocket::accept_for(request.substr(request.find(name) + name.size(), 24));
    std::string answer = websocket::server_accepts({accept.data(), accept.size()});
    connection_.consume_output(out.size());
    const size_t size = answer.size();
    answer.resize(size + receive_padding);
    static_cast<void>(connection_.receive(std::as_bytes(std::span(answer.data(), size)), *this));
  }
  uint64_t pass() {
    bytes_ = 0;
    for (size_t at = 0; at < stream_.size(); at += read_bytes_) {
      std::memcpy(buffer_.data(), stream_.data() + at, read_bytes_);
      if (connection_.receive(std::span(buffer_).first(read_bytes_), *this) !=
          websocket::Error::none) {
        return 0;
      }
    }
    return bytes_;
  }

  bool on_open(const websocket::UpgradeResult&) { return true; }
  bool on_text(std::string_view text) {
    bytes_ += text.size();
    // What was checked must have been looked at.
    asm volatile("" : : "r"(text.data()) : "memory");
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }

 private:
  const std::string& stream_;
  size_t read_bytes_;
  std::vector<std::byte> buffer_;
  Random random_{1};
  websocket::MaskKeys masks_{websocket::mask_secret_from(1), 0};
  websocket::Connection connection_{websocket::Role::client, 64 * 1024};
  uint64_t bytes_ = 0;
};

const Registration many("frame_many", "havklo", HAVKLO_VERSION, websocket_frames<Receiver, true>);
const Registration one("frame_one", "havklo", HAVKLO_VERSION, websocket_frames<Receiver, false>);

}  // namespace
}  // namespace havklo::bench
