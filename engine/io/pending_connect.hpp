// One TCP connect under way: a runner in the race of an attempt.
//
// Owns:       its socket, until TCP is open and the connection takes it.
// Threads:    the loop's.
// Invariants: file >= 0 unless free. While it is leaving, nobody waits for it but the kernel.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <havklo/transport.hpp>

namespace havklo::io {

struct ConnectionSlot;

struct PendingConnect {
  enum class Phase : uint8_t { free, connecting, leaving };

  PendingConnect() = default;
  ~PendingConnect() { release(); }
  PendingConnect(const PendingConnect&) = delete;
  PendingConnect& operator=(const PendingConnect&) = delete;

  void release() {
    if (file >= 0) ::close(file);
    file = -1;
    phase = Phase::free;
  }

  uint32_t number = 0;
  Phase phase = Phase::free;
  ConnectionSlot* slot = nullptr;  // whose race it runs in
  Endpoint peer;
  int file = -1;
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
  bool answered = false;  // by the kernel, with `error`; of a way that has to ask
  int32_t error = 0;      // may be known at once
};

}  // namespace havklo::io
