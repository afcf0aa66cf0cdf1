// libevent's timers: a binary heap, looked at by event_base_loop.
#include <event2/event.h>

#include <vector>

#include "bench/questions/timers.hpp"

namespace havklo::bench {
namespace {

class Libevent {
 public:
  Libevent(size_t count, uint64_t& fired) : base_(event_base_new()), events_(count) {
    for (event*& each : events_) {
      each = evtimer_new(
          base_, [](evutil_socket_t, short, void* to) { ++*static_cast<uint64_t*>(to); }, &fired);
    }
  }
  ~Libevent() {
    for (event* each : events_) event_free(each);
    event_base_free(base_);
  }
  Libevent(const Libevent&) = delete;
  Libevent& operator=(const Libevent&) = delete;

  void arm(uint32_t i, int64_t delay_ns) {
    const timeval delay{.tv_sec = delay_ns / 1'000'000'000,
                        .tv_usec = delay_ns % 1'000'000'000 / 1'000};
    evtimer_add(events_[i], &delay);
  }
  void cancel(uint32_t i) { evtimer_del(events_[i]); }
  void wait(int64_t delay_ns) { spin_for(delay_ns); }
  void fire() { event_base_loop(base_, EVLOOP_NONBLOCK); }

 private:
  event_base* base_;
  std::vector<event*> events_;
};

const Registration rearm("timer_rearm", "libevent", event_get_version(), timer_rearm<Libevent>,
                         timer_counts);
const Registration expire("timer_expire", "libevent", event_get_version(), timer_expire<Libevent>,
                          {1'000, 100'000});

}  // namespace
}  // namespace havklo::bench
