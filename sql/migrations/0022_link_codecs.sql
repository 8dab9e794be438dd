-- Which codecs each switch's link profile offers, so that a difference between sites is seen.
set search_path = fsroute;

alter table switch add column codecs text check (length(codecs) <= 500);
