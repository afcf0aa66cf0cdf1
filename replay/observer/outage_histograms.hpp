// What outages cost, over all sessions of a run or of many.
#pragma once

#include "replay/observer/histogram.hpp"

namespace havklo::replay {

struct OutageHistograms {
  Histogram time_to_all_clear_ms;  // from the loss of a Live connection to the next all clear
  Histogram first_all_clear_ms;    // from the start
  Histogram attempts;              // of an outage
  Histogram trips;                 // of an outage
  Histogram uptime_ms;             // of a connection

  void add(const OutageHistograms& other) {
    time_to_all_clear_ms.add(other.time_to_all_clear_ms);
    first_all_clear_ms.add(other.first_all_clear_ms);
    attempts.add(other.attempts);
    trips.add(other.trips);
    uptime_ms.add(other.uptime_ms);
  }
};

}  // namespace havklo::replay
