-- What moved on each contract on the day: dependants it covers, payments that came in, claims that were made.
-- Each of the three is summed up before it is joined, so that none of them multiplies the others.
with por_dependentes as (
  select
    numero_contrato,
    count(*) as dependentes
  from dependentes
  group by numero_contrato
),
por_pagamentos as (
  select
    numero_contrato,
    count(*) as pagamentos,
    sum(valor + coalesce(ajuste, 0)) as total_pago,
    max(pagamento) as ultimo_pagamento
  from pagamentos
  group by numero_contrato
),
por_sinistros as (
  select
    numero_contrato,
    count(*) as sinistros,
    count(case when situacao = 'NEGADO' then 1 end) as sinistros_negados,
    sum(valor_avisado) as total_avisado
  from sinistros
  group by numero_contrato
)
select
  c.numero_contrato,
  coalesce(d.dependentes, 0) as dependentes,
  coalesce(p.pagamentos, 0) as pagamentos,
  coalesce(p.total_pago, 0) as total_pago,
  p.ultimo_pagamento,
  coalesce(s.sinistros, 0) as sinistros,
  coalesce(s.sinistros_negados, 0) as sinistros_negados,
  coalesce(s.total_avisado, 0) as total_avisado
from contratos c
left join por_dependentes d
  on d.numero_contrato = c.numero_contrato
left join por_pagamentos p
  on p.numero_contrato = c.numero_contrato
left join por_sinistros s
  on s.numero_contrato = c.numero_contrato
