from __future__ import annotations

from fsroute.cti.activity import Settings
from fsroute.model.activity import AgentKey, QueueKey, Source
from tests.unit.cti.watching import START, Watch, play, taken_over


def test_a_member_waits_is_served_and_goes() -> None:
    watch = play("""
        0   list ann queues=support wrap_up=10 | ann idle, support 0/0
        5   join support m1       | support 1/0, support offered=1
        6   state ann Receiving   | ann ringing
        9   serve support m1 ann  | support 0/1, support answered=1 in_time=1 wait=4
        9   state ann In a queue call | ann talking
        39  over ann              |
        39  leave support m1      | support 0/0, support handled=1 handling=40 abandoned=0
        39  state ann Waiting     | ann wrap_up
        48                        | ann wrap_up
        49                        | ann idle
    """)
    agent = watch.activity.agents[AgentKey(Source.CALLCENTER, "ann")]
    assert (agent.idle_since, agent.state_since, agent.state_until) == (START + 39, START + 49, None)
    assert agent.queues == {"support": (1, 1)}


def test_who_hangs_up_while_waiting_has_abandoned_and_soon_does_not_count_for_the_service_level() -> None:
    watch = play("""
        0   list ann queues=support |
        1   join support m1     |
        2   join support m2     | support 2/0
        11  cancel support m1   | support abandoned=1 abandoned_early=1
        40  cancel support m2   | support abandoned=2 abandoned_early=1
        50  join support m3     |
        52  serve support m3 ann |
    """)
    line = watch.activity.lines[QueueKey(Source.CALLCENTER, "support")]
    assert line.activity(watch.now, 1, 0).service_level == 0.5


def test_a_member_whom_the_queue_sends_on_has_not_abandoned() -> None:
    play("""
        0   list ann queues=support |
        1   join support m1            |
        61  cancel support m1 TIMEOUT  | support 0/0, support automatic=1 abandoned=0
    """)


def test_what_is_heard_twice_counts_once() -> None:
    play("""
        0   list ann queues=support |
        1   join support m1       |
        1   join support m1       | support 1/0, support offered=1
        2   serve support m1 ann  |
        2   serve support m1 ann  | support 0/1, support answered=1
        5   leave support m1      |
        5   leave support m1      | support 0/0, support handled=1
        6   join support m1       | support 0/0, support offered=1
        6   serve support m1 ann  | support answered=1
    """)


def test_a_member_who_comes_back_for_the_old_place_is_offered_again() -> None:
    play("""
        0   list ann queues=support |
        1   join support m1       |
        5   cancel support m1     | support abandoned=1
        9   resume support m1     | support 1/0, support offered=2
    """)


def test_a_member_who_is_not_joined_with_the_agent_waits_on() -> None:
    play("""
        0   list ann queues=support |
        1   join support m1       |
        3   serve support m1 ann  | support 0/1
        3   fail support m1 ann   | support 1/0
        5   cancel support m1     | support 0/0, support offered=2 answered=1 handled=1 abandoned=1
        6   counted support 0 1   |
        7   list                  | support offered=2
    """)


def test_an_agent_who_does_not_answer_is_left_alone_for_a_time() -> None:
    play("""
        0   list ann queues=support no_answer_delay=30 busy_delay=60 |
        1   state ann Receiving   | ann ringing
        20  missed ann NO_ANSWER  |
        20  state ann Waiting     | ann set_aside
        49                        | ann set_aside
        50                        | ann idle
        60  missed ann ORIGINATOR_CANCEL | ann idle
        61  missed ann USER_BUSY  | ann set_aside
        121                       | ann idle
    """)


def test_status_is_declared_and_hides_no_talk() -> None:
    play("""
        0   list ann queues=support |
        1   status ann On Break      | ann away
        2   status ann Available     | ann idle
        3   state ann In a queue call | ann talking
        4   status ann Logged Out    | ann talking
        9   state ann Waiting        | ann away
    """)


def test_an_agent_on_demand_is_not_idle_before_asking_for_a_call() -> None:
    play("""
        0   list ann queues=support status=Available_(On_Demand) | ann idle
        1   state ann Idle      | ann away
        2   state ann Waiting   | ann idle
    """)


def test_a_call_of_the_agents_own_telephone_is_seen() -> None:
    play("""
        0   list ann queues=support contact=[leg_timeout=10]user/ann@here | ann idle
        1   leg c1 ann@here | ann ringing
        2   answer c1       | ann talking
        9   hangup c1       | ann idle
    """)


def test_an_agents_telephone_is_no_agent_of_its_own() -> None:
    play("""
        0   phones ann@here bob@here | ann@here idle, bob@here idle
        1   list ann contact=user/ann@here | ann@here nobody, bob@here idle
        2   list ann contact=user/bob      | ann@here idle, bob@here nobody
        3   unlist ann                     | bob@here idle
    """)


def test_an_agent_whose_telephone_is_not_registered_is_not_reachable() -> None:
    key = AgentKey(Source.CALLCENTER, "ann")
    watch = play("0 list ann contact=user/ann@here |")
    assert watch.activity.agents[key].reachable is None
    play("1 phones bob@here |", watch)
    assert watch.activity.agents[key].reachable is False
    play("2 register ann@here |", watch)
    assert watch.activity.agents[key].reachable is True
    play("3 unregister ann@here |", watch)
    assert watch.activity.agents[key].reachable is False
    assert not watch.activity.agents[key].is_idle(watch.now)


def test_a_telephone_with_two_registrations_is_gone_with_the_last() -> None:
    play("""
        0  phones |
        1  register bob@here desk   | bob@here idle
        2  register bob@here mobile |
        3  unregister bob@here desk | bob@here idle
        4  unregister bob@here mobile | bob@here nobody
    """)


def test_a_plain_call_is_answered_when_it_is_bridged() -> None:
    play("""
        0   call c1         | site 1/0, 8005550100 1/0
        1   answer c1       | site 1/0
        5   bridge c1 leg   | site 0/1, 8005550100 answered=1 wait=5
        65  hangup c1       | site 0/0, site handled=1 handling=60, 8005550100 abandoned=0
    """)


def test_a_call_that_the_switch_serves_alone_is_neither_answered_nor_abandoned() -> None:
    play("""
        0   call c1    |
        1   answer c1  |
        30  hangup c1  | site automatic=1 answered=0 abandoned=0
        40  call c2    |
        45  hangup c2  | site abandoned=1
        50  call c3    |
        50  redirect c3 | site automatic=2 abandoned=1, 8005550100 offered=3
    """)


def test_who_leaves_a_queue_has_abandoned_the_number_too() -> None:
    play("""
        0   list ann queues=support |
        1   call c1            |
        2   answer c1          |
        3   join support m1 c1 | site 1/0, support 1/0
        30  cancel support m1  |
        30  hangup c1          | site abandoned=1 automatic=0, support abandoned=1
    """)


def test_windows_forget() -> None:
    watch = play("""
        0    list ann queues=support |
        5    join support m1 |
        8    serve support m1 ann |
        20   leave support m1 |
        20   | support offered=1 handling=12
    """)
    line = watch.activity.lines[QueueKey(Source.CALLCENTER, "support")]
    assert line.activity(watch.now, 1, 1).handling == 12.0
    play("1000 | support offered=0 handling=0", watch)
    assert not line.counting.buckets
    assert line.activity(watch.now, 1, 1).handling == 12.0, "the last that is known"


def test_a_number_that_nobody_calls_any_more_is_gone() -> None:
    watch = play("""
        0    call c1   |
        5    hangup c1 |
    """)
    watch.take()
    watch.until(950)
    watch.until(2000)
    assert [key for key in watch.activity.lines if key.source is Source.NUMBER] == []
    assert watch.take().gone_queues == (QueueKey(Source.NUMBER, "8005550100"),)


# What happened while nobody looked ---------------------------------------------------------------------------


def test_calls_that_were_missed_are_counted_by_the_modules_own_counters() -> None:
    """Of three who waited one was answered and talks, one was answered and went, one hung up; two came and went."""
    play("""
        0   list ann queues=support |
        1   join support m1   |
        2   join support m2   |
        3   join support m3   | support 3/0
        3   down              |
        60  counted support 3 2 |
        60  row support m1 talks |
        60  list              | support 0/1, support offered=5 answered=3 abandoned=2
        60  list              | support 0/1, support offered=5 answered=3 abandoned=2
    """)


def test_a_process_that_takes_over_counts_none_twice() -> None:
    watch = play("""
        0   up core           |
        0   list ann queues=support |
        1   join support m1   |
        2   join support m2   |
        9   serve support m1 ann | support offered=2 answered=1
    """)
    later = play(
        """
        15  counted support 1 0       |
        15  row support m1 talks      |
        15  row support m2 waits joined=2 |
        15  up core                   |
        15  list                      | support 1/1, support offered=2 answered=1
        20  join support m2           | support 1/1, support offered=2
        25  leave support m1          |
        30  cancel support m2         | support 0/0, support handled=1 abandoned=1
    """,
        taken_over(watch, 15),
    )
    line = later.activity.lines[QueueKey(Source.CALLCENTER, "support")]
    assert line.counting.intervals[START].offered == 2, "the history goes on from what was written"


def test_calls_of_a_freeswitch_process_that_died_are_over() -> None:
    watch = play("""
        0   up one            |
        0   list ann queues=support |
        1   call c1           |
        1   join support m1 c1 |
        2   call c2           |
        3   bridge c2 x       | site 1/1
        4   down              |
        9   up two            | site 0/0, support 0/0, site abandoned=1 handled=1
        10  counted support 1 0 |
        10  list              | support offered=2 answered=1 abandoned=1
    """)
    assert watch.take().core_uuid == "two"


def test_channels_that_came_and_went_unseen() -> None:
    play("""
        0   call c1          |
        0   call c2          |
        1   down             |
        30  channels c2** c3 | site 1/1, site offered=3 answered=1 abandoned=1
        31  channels c2** c3 | site 1/1, site offered=3
        40  channels         | site 0/0, site handled=1 abandoned=2
    """)


def test_a_channel_that_the_table_does_not_show_yet_is_not_over() -> None:
    play("""
        0  call c1   |
        1  channels  | site 1/0
        9  channels  | site 0/0
    """)


def test_a_queue_that_was_loaded_anew_counts_nothing_again() -> None:
    play("""
        0   list ann queues=support |
        0   counted support 50 20 |
        1   list                  |
        2   counted support 0 0   |
        3   list                  | support offered=70
        4   counted support 1 0   |
        5   list                  | support offered=71
    """)


def test_of_a_queue_that_is_seen_for_the_first_time_nothing_of_the_past_counts() -> None:
    watch = Watch()
    play("0 counted support 50 20 |", watch)
    play("0 list ann queues=support | support offered=0", watch)


def test_a_threshold_may_be_a_queues_own() -> None:
    play(
        """
        0   list ann queues=support+sales |
        0   join support m1      |
        0   join sales m2        |
        30  serve support m1 ann | support in_time=0
        30  serve sales m2 ann   | sales in_time=1
    """,
        Watch(Settings(thresholds={"sales": 60.0})),
    )
