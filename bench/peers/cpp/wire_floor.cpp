// What no client can be faster than: a spin that only counts records that are whole. By recv(), by
// epoll_wait() before each recv(), and by the engine's io_uring, whose completions the spin finds
// in shared memory: what the three ways of asking the kernel cost, with nothing behind them.
//
// TLS is spoken until the first trade has come, which says at which instant it should have left;
// the later ones follow at the server's fixed distance.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>

#include "bench/questions/wire.hpp"
#include "io/tls/stream.hpp"
#include "io/uring/uring.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {
namespace {

// Counts TLS records as they become whole.
class Records {
 public:
  uint64_t take(std::span<const std::byte> bytes) {
    uint64_t whole = 0;
    while (!bytes.empty()) {
      if (left_ == 0) {
        head_[head_bytes_++] = bytes.front();
        bytes = bytes.subspan(1);
        if (head_bytes_ < 5) continue;
        head_bytes_ = 0;
        left_ = std::to_integer<size_t>(head_[3]) << 8 | std::to_integer<size_t>(head_[4]);
        continue;
      }
      const size_t step = std::min(left_, bytes.size());
      left_ -= step;
      bytes = bytes.subspan(step);
      whole += left_ == 0 ? 1 : 0;
    }
    return whole;
  }

 private:
  std::array<std::byte, 5> head_{};
  size_t head_bytes_ = 0;
  size_t left_ = 0;
};

// The ways to read. Each hands what has come, if anything, to `take`.
class ByRecv {
 public:
  void attach(int file) { file_ = file; }
  template <class Take>
  void read(Take&& take) {
    const ssize_t size = ::recv(file_, bytes_.data(), bytes_.size(), 0);
    if (size > 0) take(std::span(bytes_).first(static_cast<size_t>(size)));
  }

 private:
  int file_ = -1;
  std::array<std::byte, 64 * 1024> bytes_{};
};

class ByEpoll {
 public:
  ByEpoll() = default;
  ~ByEpoll() { ::close(epoll_); }
  ByEpoll(const ByEpoll&) = delete;
  ByEpoll& operator=(const ByEpoll&) = delete;
  void attach(int file) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, file, &event);
    reader_.attach(file);
  }
  template <class Take>
  void read(Take&& take) {
    epoll_event event{};
    if (::epoll_wait(epoll_, &event, 1, 0) == 1) reader_.read(take);
  }

 private:
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  ByRecv reader_;
};

class ByUring {
 public:
  ByUring() { uring_->enable_on_this_thread().value(); }
  void attach(int file) {
    file_ = file;
    arm();
  }
  template <class Take>
  void read(Take&& take) {
    uring_->collect();
    uring_->reap([&](const io_uring_cqe& completion) {
      if (completion.user_data != receiving) return true;
      if (completion.res > 0) {
        const auto number = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
        take(uring_->buffer(number, static_cast<size_t>(completion.res)));
        uring_->give_back(number);
      }
      const bool ended = completion.res == 0 || (completion.res < 0 && completion.res != -ENOBUFS);
      if ((completion.flags & IORING_CQE_F_MORE) == 0 && !ended) arm();
      return true;
    });
  }

 private:
  static constexpr uint64_t receiving = 1;
  void arm() {
    io_uring_sqe* const entry = uring_->next_submission();
    io_uring_prep_recv_multishot(entry, file_, nullptr, 0, 0);
    io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
    entry->buf_group = io::Uring::buffer_group;
    io_uring_sqe_set_data64(entry, receiving);
    uring_->submit();
  }

  std::unique_ptr<io::Uring> uring_ = io::Uring::create({}).value();
  int file_ = -1;
};

template <class Reader>
class Floor {
 public:
  Floor() = default;
  ~Floor() {
    if (file_ >= 0) ::close(file_);
  }
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  bool open(const Wire& wire, std::string& why) {
    step_ns_ = wire.step_ns;
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(wire.port);
    if (::connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      why = "connect";
      return false;
    }
    const int on = 1;
    ::setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(file_, F_SETFL, O_NONBLOCK);
    context_.emplace(io::TlsContext::client(wire.ca_file).value());
    tls_.emplace(*context_, "localhost");
    static_cast<void>(tls_->handshake());
    websocket_.start_client("localhost", wire.port, false, "/v2", random_, masks_);
    reader_.attach(file_);
    push_out();
    return true;
  }
  void pump(Arrivals& arrivals) {
    reader_.read([this, &arrivals](std::span<const std::byte> bytes) { take(bytes, arrivals); });
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  void take(std::span<const std::byte> bytes, Arrivals& arrivals) {
    uint64_t whole = records_.take(bytes);
    if (due_ns_ != 0) {
      for (; whole != 0; --whole, due_ns_ += step_ns_) arrivals.on_trade(due_ns_);
      return;
    }
    speak(bytes);
    for (const uint64_t due : handler_.dues) {
      arrivals.on_trade(due);
      due_ns_ = due + step_ns_;
    }
  }
  struct Handler {
    std::vector<uint64_t> dues;
    bool open = false;
    bool on_open(const websocket::UpgradeResult&) { return open = true; }
    bool on_text(std::string_view text) {
      if (const uint64_t due = due_in(text); due != 0) dues.push_back(due);
      return true;
    }
    bool on_binary(std::span<const std::byte>) { return true; }
    bool on_ping(std::span<const std::byte>) { return true; }
    bool on_pong(std::span<const std::byte>) { return true; }
    bool on_close(uint16_t, std::string_view) { return true; }
  };

  void push_out() {
    if (tls_->is_established() && !websocket_.output().empty()) {
      static_cast<void>(tls_->write(websocket_.output()));
      websocket_.consume_output(websocket_.output().size());
    }
    const auto out = tls_->output();
    if (out.empty()) return;
    if (::send(file_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
      fault_ = "send";
    }
    tls_->consume_output(out.size());
  }
  void speak(std::span<const std::byte> bytes) {
    tls_->feed(bytes);
    if (!tls_->is_established() && tls_->handshake() != io::TlsStatus::done) return push_out();
    for (;;) {
      const auto read = tls_->read(std::span(plain_).first(plain_.size() - receive_padding));
      if (read.bytes != 0 && websocket_.receive(std::span(plain_).first(read.bytes), handler_) !=
                                 websocket::Error::none) {
        fault_ = "websocket";
      }
      if (read.status != io::TlsStatus::done) break;
    }
    if (handler_.open && !subscribed_) subscribed_ = websocket_.send_text(subscribe_trades);
    push_out();
  }

  int file_ = -1;
  std::optional<io::TlsContext> context_;
  std::optional<io::TlsStream> tls_;
  Random random_{1};
  websocket::MaskKeys masks_{websocket::mask_secret_from(1), 0};
  websocket::Connection websocket_{websocket::Role::client, 64 * 1024};
  Handler handler_;
  Records records_;
  bool subscribed_ = false;
  uint64_t due_ns_ = 0;
  uint64_t step_ns_ = 0;
  std::array<std::byte, 64 * 1024> plain_{};
  std::string fault_;
  Reader reader_;
};

const Registration by_recv("wire", "floor: recv only", "", wire_latency<Floor<ByRecv>>, wire_rates);
const Registration by_epoll("wire", "floor: epoll_wait, recv", "", wire_latency<Floor<ByEpoll>>,
                            wire_rates);
const Registration by_uring("wire", "floor: io_uring", "", wire_latency<Floor<ByUring>>,
                            wire_rates);

}  // namespace
}  // namespace havklo::bench
