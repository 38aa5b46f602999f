-- A file that Meta refuses to our token is no matter of the file: the channel is tested.

GRANT INSERT ON jobs TO leadsrally_fetch_media;
