// What a session counts while it runs (SessionCounters).
//
// Threads: the loop counts, any may read.
// Cost:    a load and a store: one thread writes, so none of it is locked.
#pragma once

#include <atomic>
#include <cstdint>
#include <havklo/session_counters.hpp>

namespace havklo::core {

class SessionCount {
 public:
  void add_one() { value_.store(read() + 1, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class SessionGauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] int64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct SessionCounts {
  SessionCount attempts;
  SessionCount connections;
  SessionCount losses;
  SessionCount messages;
  SessionGauge lag_ns;

  [[nodiscard]] SessionCounters read() const {
    return {.attempts = attempts.read(),
            .connections = connections.read(),
            .losses = losses.read(),
            .messages = messages.read(),
            .lag_ns = lag_ns.read()};
  }
};

}  // namespace havklo::core
