// What several sessions of one engine may say, each for itself and together.
#include <algorithm>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <string>
#include <utility>

namespace havklo {
namespace {

// The first setting of the loop's that a session says otherwise than `loop`; empty: none.
std::string_view loop_setting_of(const LoopSettings& session, const LoopSettings& loop) {
  const LoopSettings unsaid;
  const auto differs = [&](auto LoopSettings::*setting) {
    return !(session.*setting == unsaid.*setting) && !(session.*setting == loop.*setting);
  };
  if (differs(&LoopSettings::recording)) return "recording";
  if (differs(&LoopSettings::ring_slots)) return "engine.ring_slots";
  if (differs(&LoopSettings::idle)) return "engine.idle";
  if (differs(&LoopSettings::network)) return "engine.network";
  if (differs(&LoopSettings::cpu)) return "engine.cpu";
  if (differs(&LoopSettings::seed)) return "engine.seed";
  return {};
}

}  // namespace

std::vector<Settings> sessions_with_loop(const EngineSettings& settings) {
  std::vector<Settings> sessions = settings.sessions;
  for (Settings& each : sessions) {
    static_cast<LoopSettings&>(each) = settings;
    if (&each != &sessions.front()) each.ring_slots = ring_slots_min(each);
  }
  return sessions;
}

std::expected<void, ConfigError> validate(const EngineSettings& settings) {
  const auto& sessions = settings.sessions;
  if (sessions.empty() || sessions.size() > sessions_max) {
    return std::unexpected(ConfigError{.field = "session",
                                       .value = std::to_string(sessions.size()) + " of them",
                                       .allowed = "1 to " + std::to_string(sessions_max)});
  }
  const auto name = [&](size_t number, std::string_view field) {
    return sessions.size() == 1 ? std::string(field)
                                : "session[" + std::to_string(number) + "]." + std::string(field);
  };
  const std::vector<Settings> whole = sessions_with_loop(settings);
  for (size_t i = 0; i < sessions.size(); ++i) {
    if (const auto field = loop_setting_of(sessions[i], settings); !field.empty()) {
      return std::unexpected(
          ConfigError{.field = name(i, field),
                      .value = "(set)",
                      .allowed = "set for the engine, whose loop all sessions share"});
    }
    Settings alone = whole[i];
    alone.ring_slots = settings.ring_slots;
    if (auto valid = validate(alone); !valid) {
      // What belongs to the loop is nobody's own.
      const bool of_loop = valid.error().field.starts_with("engine.") ||
                           valid.error().field.starts_with("recording");
      if (!of_loop) valid.error().field = name(i, valid.error().field);
      return valid;
    }
  }
  if (const uint32_t least = ring_slots_min(sessions); settings.ring_slots < least) {
    return std::unexpected(ConfigError{
        .field = "engine.ring_slots",
        .value = std::to_string(settings.ring_slots),
        .allowed = "at least " + std::to_string(least) + " for these sessions together"});
  }
  return validate(std::span<const Settings>(whole));
}

}  // namespace havklo
