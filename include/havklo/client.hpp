// The front door: a client of Kraken's public feed that comes back by itself.
//
//   auto client = havklo::KrakenClient::builder({"BTC/USD"}).with_book(10).connect();
//   if (!client) { /* client.error().message() says which setting to change */ }
//   (*client)->wait_live(10_s);
//   havklo::Event event;
//   while ((*client)->poll(event)) { ... }
//
// It is an engine of one session, which can be told things without naming that session. An engine
// of several is built by Engine::builder(). What either offers, who owns what, threads, errors and
// costs: engine_client.hpp.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/engine.hpp>
#include <havklo/engine_client.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace havklo {

class KrakenClientBuilder;

// What can be told to the one session of `Client`.
template <class Client>
class OneSession {
 public:
  std::expected<void, CommandError> subscribe(Channel channel, std::string_view symbol,
                                              std::optional<uint32_t> parameter = std::nullopt) {
    return only().subscribe(channel, symbol, parameter);
  }
  std::expected<void, CommandError> unsubscribe(Channel channel, std::string_view symbol) {
    return only().unsubscribe(channel, symbol);
  }
  std::expected<void, CommandError> reconnect() { return only().reconnect(); }
  std::expected<void, CommandError> close() { return only().close(); }

 private:
  SessionCommands& only() { return static_cast<Client&>(*this).session(0); }
};

// An engine of one session on a thread of its own, events by a ring.
class KrakenClient final : public EngineClient, public OneSession<KrakenClient> {
 public:
  [[nodiscard]] static KrakenClientBuilder builder(std::vector<std::string> symbols);
  // From whole settings, as a configuration file gives them.
  [[nodiscard]] static std::expected<std::unique_ptr<KrakenClient>, StartError> connect(
      const Settings& settings);

 private:
  friend class EngineClient;
  using EngineClient::EngineClient;
};

// The same on your thread.
class InlineKrakenClient final : public InlineEngineClient, public OneSession<InlineKrakenClient> {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<InlineKrakenClient>, StartError> connect(
      const Settings& settings);

 private:
  friend class InlineEngineClient;
  using InlineEngineClient::InlineEngineClient;
};

// What belongs to the loop: with KrakenClient's builder, or with that of the engine which its
// sessions are added to.
template <class Builder>
class LoopBuilder {
 public:
  Builder& with_ring_slots(uint32_t slots) {
    return with([&](LoopSettings& loop) { loop.ring_slots = slots; });
  }
  Builder& with_idle(Idle idle) {
    return with([&](LoopSettings& loop) { loop.idle = idle; });
  }
  Builder& with_network(Network network) {
    return with([&](LoopSettings& loop) { loop.network = network; });
  }
  Builder& pinned_to(uint32_t cpu) {
    return with([&](LoopSettings& loop) { loop.cpu = cpu; });
  }
  Builder& with_seed(uint64_t seed) {
    return with([&](LoopSettings& loop) { loop.seed = seed; });
  }
  // Writes a recording (recording.hpp), for `havklo replay`.
  Builder& with_recording(std::string path) {
    return with([&](LoopSettings& loop) { loop.recording.path = std::move(path); });
  }
  Builder& with_recording(RecordingSettings settings) {
    return with([&](LoopSettings& loop) { loop.recording = std::move(settings); });
  }

 private:
  template <class Set>
  Builder& with(Set set) {
    auto& builder = static_cast<Builder&>(*this);
    set(builder.settings_);
    return builder;
  }
};

// Settings, one call each. Nothing is checked before connect().
class KrakenClientBuilder : public LoopBuilder<KrakenClientBuilder> {
 public:
  explicit KrakenClientBuilder(std::vector<std::string> symbols);

  // Channels for all symbols of the builder; at least one.
  KrakenClientBuilder& with_book(uint32_t depth = 10);
  KrakenClientBuilder& with_trades();
  KrakenClientBuilder& with_ticker();
  KrakenClientBuilder& with_candles(uint32_t interval_minutes = 1);
  KrakenClientBuilder& with_instruments();

  KrakenClientBuilder& with_reconnect(const ReconnectSettings& settings);
  KrakenClientBuilder& without_reconnect();
  KrakenClientBuilder& with_circuit_breaker(const CircuitBreakerSettings& settings);
  KrakenClientBuilder& without_circuit_breaker();
  KrakenClientBuilder& with_timeouts(const TimeoutSettings& settings);
  KrakenClientBuilder& with_requests(const RequestSettings& settings);
  KrakenClientBuilder& with_feed(const FeedSettings& settings);

  KrakenClientBuilder& with_url(std::string url);
  KrakenClientBuilder& with_ca_file(std::string path);
  KrakenClientBuilder& with_source_address(std::string address);

  // So many connections bring the same at the same time, 1 to 4: the first copy of everything is
  // published, and the loss of one costs nothing while another is Live. What was said of the first
  // of them stays.
  KrakenClientBuilder& with_legs(uint32_t legs);
  // … each from an address of its own, or to another url; what one does not say is the session's.
  KrakenClientBuilder& with_legs(std::vector<LegSettings> legs);
  // Behind the others for so long, a leg is lost (Reason::lagging) and connects again.
  KrakenClientBuilder& with_leg_lag_max(Duration longest);
  // Each leg is renewed so long after it connected, one at a time, while another is Live.
  KrakenClientBuilder& with_rotate_after(Duration age);

  [[nodiscard]] const Settings& settings() const { return settings_; }

  [[nodiscard]] std::expected<std::unique_ptr<KrakenClient>, StartError> connect();
  [[nodiscard]] std::expected<std::unique_ptr<InlineKrakenClient>, StartError> connect_inline();

 private:
  friend class LoopBuilder<KrakenClientBuilder>;
  void add(SubscriptionSettings subscription);

  std::vector<std::string> symbols_;
  Settings settings_;
};

// Engine::builder(): 1 to 64 sessions on one loop, one ring, one recording, one table of names.
// What belongs to the loop is set here, and refused by connect() on a builder that was added.
class EngineBuilder : public LoopBuilder<EngineBuilder> {
 public:
  // Its events have the number of calls before this one as their Event::session.
  EngineBuilder& add(const KrakenClientBuilder& session);
  // From whole settings.
  EngineBuilder& add(Settings session);
  // Of each session that names none; a leg's own goes before both.
  EngineBuilder& with_source_address(std::string address);

  // As connect() takes them.
  [[nodiscard]] EngineSettings settings() const;

  [[nodiscard]] std::expected<std::unique_ptr<EngineClient>, StartError> connect() const;
  [[nodiscard]] std::expected<std::unique_ptr<InlineEngineClient>, StartError> connect_inline()
      const;

 private:
  friend class LoopBuilder<EngineBuilder>;
  EngineSettings settings_;
  std::optional<std::string> source_address_;
};

}  // namespace havklo
