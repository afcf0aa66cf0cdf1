// The keys that a client masks its frames with: for each frame a new one that nobody can foresee.
//
// A peer sees every key it was sent, and must not tell the next ones from them (RFC 6455, 10.3: a
// script that can choose the masked bytes poisons caches on the way). They are a stream of ChaCha20
// under a secret key, so nothing else follows from them either: not the session's Random, of which
// Sec-WebSocket-Key and jitter come, nor the keys of another session.
//
// Owns:      its place in the stream.
// Threads:   one.
// Invariant: no decision and no event depends on a mask, so it is no door of determinism: a replay
//            masks with other keys and does the same (design: determinism).
// Cost:      a block of ChaCha20 for 16 keys, else a copy of four bytes. Never allocates.
// Source:    RFC 6455, 5.3 and 10.3.
#pragma once

#include <cstddef>
#include <cstdint>

#include "websocket/chacha20.hpp"

namespace havklo::websocket {

class MaskKeys {
 public:
  // `stream` parts those who share a secret: no two of them may have the same.
  MaskKeys(const ChaCha20Key& secret, uint32_t stream);

  // In the order of the wire, as FrameHead::mask_key.
  [[nodiscard]] uint32_t next();

 private:
  void refill();

  ChaCha20Key secret_;
  uint32_t stream_;
  uint64_t blocks_ = 0;                 // made
  size_t used_ = chacha20_block_bytes;  // bytes of `block_`
  ChaCha20Block block_{};
};

// The secret of runs that nobody attacks, simulated or replayed: the same seed gives the same
// bytes. 64 bits can be searched: a live engine takes 256 of the kernel's.
[[nodiscard]] ChaCha20Key mask_secret_from(uint64_t seed);

}  // namespace havklo::websocket
