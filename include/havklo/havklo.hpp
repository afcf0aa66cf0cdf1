// Everything that a user of Havklo includes.
#pragma once

#include <havklo/backoff.hpp>
#include <havklo/circuit_breaker.hpp>
#include <havklo/client.hpp>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/order_book.hpp>
#include <havklo/order_books.hpp>
#include <havklo/recording.hpp>
#include <havklo/replay.hpp>
#include <havklo/simulation.hpp>
#include <havklo/version.hpp>
