select conta, sum(premio) as premio from carteira_parcela group by conta
