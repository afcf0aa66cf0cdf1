// A transport asked as a turn asks it: what has arrived by now is delivered.
#pragma once

#include <cstdint>
#include <havklo/transport.hpp>

namespace havklo {

inline uint32_t poll_now(Transport& transport, CompletionSink& sink) {
  constexpr uint32_t completions_max = 64;
  transport.collect();
  return transport.poll(sink, completions_max);
}

}  // namespace havklo
