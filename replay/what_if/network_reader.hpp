// Runs a recording and writes down what it tells of its network.
//
// The engine is run too: what it sent is not in the file, but it sends it again.
#pragma once

#include <expected>
#include <string>

#include "replay/recording/reader.hpp"
#include "replay/what_if/observed_network.hpp"

namespace havklo::replay {

// An error when the recording replays otherwise than it was recorded: then it says nothing certain.
[[nodiscard]] std::expected<ObservedNetwork, std::string> observe_network(Reader reader);

}  // namespace havklo::replay
