// Boost.Beast's WebSocket stream over memory.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/version.hpp>
#include <cstring>
#include <string_view>

#include "bench/questions/frames.hpp"
#include "websocket/handshake.hpp"

namespace havklo::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

// A stream that answers the upgrade, and then gives the frames in reads of a size.
class Memory {
 public:
  using executor_type = asio::io_context::executor_type;
  explicit Memory(asio::io_context& context) : executor_(context.get_executor()) {}
  [[nodiscard]] executor_type get_executor() const { return executor_; }

  std::string answer;
  const std::string* frames = nullptr;
  size_t at = 0;
  size_t read_bytes = 0;

  template <class Buffers>
  size_t read_some(const Buffers& buffers, beast::error_code& error) {
    error = {};
    if (!answer.empty()) {
      const size_t size = asio::buffer_copy(buffers, asio::buffer(answer));
      answer.erase(0, size);
      return size;
    }
    // A read ends where the kernel's would: at the end of what has come.
    const size_t left = read_bytes - at % read_bytes;
    const size_t size = asio::buffer_copy(
        buffers, asio::buffer(frames->data() + at, std::min(left, frames->size() - at)));
    at += size;
    return size;
  }
  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    beast::error_code error;
    return read_some(buffers, error);
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, beast::error_code& error) {
    error = {};
    const std::string request = beast::buffers_to_string(buffers);
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    if (const size_t key = request.find(name); key != request.npos) {
      const auto accept =
          websocket::accept_for(std::string_view(request).substr(key + name.size(), 24));
      answer = websocket::server_accepts({accept.data(), accept.size()});
    }
    return request.size();
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers) {
    beast::error_code error;
    return write_some(buffers, error);
  }

 private:
  executor_type executor_;
};

void teardown(beast::role_type, Memory&, beast::error_code& error) { error = {}; }

class Beast {
 public:
  Beast(const std::string& stream, size_t read_bytes) {
    stream_.handshake("localhost", "/v2");
    stream_.next_layer().frames = &stream;
    stream_.next_layer().read_bytes = read_bytes;
    stream_.next_layer().at = 0;
  }
  uint64_t pass() {
    stream_.next_layer().at = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < frames_a_pass; ++i) {
      beast::error_code error;
      stream_.read(buffer_, error);
      if (error || !stream_.got_text()) return 0;
      bytes += buffer_.size();
      buffer_.consume(buffer_.size());
    }
    return bytes;
  }

 private:
  asio::io_context context_{1};
  beast::websocket::stream<Memory> stream_{context_};
  beast::flat_buffer buffer_;
};

const Registration many("frame_many", "Boost.Beast", BOOST_LIB_VERSION,
                        websocket_frames<Beast, true>);
const Registration one("frame_one", "Boost.Beast", BOOST_LIB_VERSION,
                       websocket_frames<Beast, false>);

}  // namespace
}  // namespace havklo::bench
