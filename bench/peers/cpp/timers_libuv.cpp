// libuv's timers: a binary heap, looked at by uv_run.
#include <uv.h>

#include <memory>

#include "bench/questions/timers.hpp"

namespace havklo::bench {
namespace {

class Libuv {
 public:
  Libuv(size_t count, uint64_t& fired) : timers_(std::make_unique<uv_timer_t[]>(count)) {
    uv_loop_init(&loop_);
    for (size_t i = 0; i < count; ++i) {
      uv_timer_init(&loop_, &timers_[i]);
      timers_[i].data = &fired;
    }
    count_ = count;
  }
  ~Libuv() {
    for (size_t i = 0; i < count_; ++i) uv_close(reinterpret_cast<uv_handle_t*>(&timers_[i]), {});
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }
  Libuv(const Libuv&) = delete;
  Libuv& operator=(const Libuv&) = delete;

  void arm(uint32_t i, int64_t delay_ns) {
    uv_timer_start(
        &timers_[i], [](uv_timer_t* timer) { ++*static_cast<uint64_t*>(timer->data); },
        static_cast<uint64_t>(delay_ns / 1'000'000), 0);
  }
  void cancel(uint32_t i) { uv_timer_stop(&timers_[i]); }
  void wait(int64_t delay_ns) { spin_for(delay_ns); }
  void fire() {
    uv_update_time(&loop_);
    uv_run(&loop_, UV_RUN_NOWAIT);
  }

 private:
  uv_loop_t loop_{};
  std::unique_ptr<uv_timer_t[]> timers_;
  size_t count_ = 0;
};

const Registration rearm("timer_rearm", "libuv", uv_version_string(), timer_rearm<Libuv>,
                         timer_counts);
const Registration expire("timer_expire", "libuv", uv_version_string(), timer_expire<Libuv>,
                          {1'000, 100'000});

}  // namespace
}  // namespace havklo::bench
