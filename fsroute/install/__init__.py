"""What fsroute puts on a FreeSWITCH host: dialplans, configuration, hold music."""
