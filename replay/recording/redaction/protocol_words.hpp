// Texts that a peer says because of the protocol, and which the engine reads: to mask one in a
// recording would change what its replay decides.
#pragma once

#include <string_view>

namespace havklo::replay {

// Whether `text` stands in an answer to the upgrade, in a message of one of the kinds that the
// engine reads, or in a number or a date. Not asked: symbols.
[[nodiscard]] bool is_said_anyway(std::string_view text);

}  // namespace havklo::replay
