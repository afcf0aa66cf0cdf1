// What a channel's test needs: an engine with one wish of it, and its events as JSON lines.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "replay/text/event_json.hpp"
#include "support/engine_world.hpp"

namespace havklo {

[[nodiscard]] inline Settings wish_for(Channel channel, std::vector<std::string> symbols) {
  Settings settings;
  settings.url = "wss://venue.test/v2";
  settings.subscriptions.push_back({.channel = channel, .symbols = std::move(symbols)});
  return settings;
}

// The market events since the last call, without what every line has: from "event" up to the
// session.
[[nodiscard]] inline std::vector<std::string> market_lines(EngineWorld& world) {
  std::vector<std::string> lines;
  for (const Event& event : world.take()) {
    if (!is_market(event.kind)) continue;
    std::string line;
    replay::append_json(line, event, world.engine.names());
    const size_t begin = line.find("\"event\"");
    lines.push_back(line.substr(begin, line.rfind(",\"session\"") - begin));
  }
  return lines;
}

}  // namespace havklo
