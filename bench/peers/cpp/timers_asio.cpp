// Boost.Asio's timers: a binary heap in the reactor, looked at by io_context::poll.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/version.hpp>
#include <chrono>
#include <deque>

#include "bench/questions/timers.hpp"

namespace havklo::bench {
namespace {

class Asio {
 public:
  Asio(size_t count, uint64_t& fired) : fired_(fired) {
    for (size_t i = 0; i < count; ++i) timers_.emplace_back(context_);
  }
  void arm(uint32_t i, int64_t delay_ns) {
    timers_[i].expires_at(now_ + std::chrono::nanoseconds(delay_ns));
    timers_[i].async_wait([this](const boost::system::error_code& error) {
      if (!error) ++fired_;
    });
  }
  // The handlers of cancelled waits are due at once: they are run, as a program's loop would.
  void cancel(uint32_t i) {
    timers_[i].cancel();
    if (++cancelled_ % 64 == 0) context_.poll();
  }
  void wait(int64_t delay_ns) { spin_for(delay_ns); }
  void fire() {
    context_.restart();
    context_.poll();
    now_ = std::chrono::steady_clock::now();
  }

 private:
  boost::asio::io_context context_{1};
  std::deque<boost::asio::steady_timer> timers_;
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
  uint64_t& fired_;
  uint64_t cancelled_ = 0;
};

const std::string version = BOOST_LIB_VERSION;
const Registration rearm("timer_rearm", "Boost.Asio", version, timer_rearm<Asio>, timer_counts);
const Registration expire("timer_expire", "Boost.Asio", version, timer_expire<Asio>,
                          {1'000, 100'000});

}  // namespace
}  // namespace havklo::bench
