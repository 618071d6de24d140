-- One line a plan, over the two datasets before: its running contracts, what they owe, paid and claimed.
select
  a.id_plano,
  a.plano,
  a.nome_plano,
  count(*) as contratos,
  sum(m.dependentes) as dependentes,
  sum(a.mensalidade) as mensalidades,
  sum(m.total_pago) as total_pago,
  sum(m.sinistros) as sinistros,
  sum(m.total_avisado) as total_avisado,
  min(a.inicio) as contrato_mais_antigo
from contratos_ativos a
join movimento_contratos m
  on m.numero_contrato = a.numero_contrato
group by a.id_plano, a.plano, a.nome_plano
